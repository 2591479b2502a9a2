"""What a person asks `stresser check` for on a command line, made a scenario.

An endpoint is a host name, `host:port`, `https://host/path`, `wss://host/path`, `tls://host:port`,
the same two without TLS (`ws://host/path`, `tcp://host:port`), or a lab's `lab+wss://behaviour`.
Reads no environment itself: the caller hands a mapping over.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from stresser.model.errors import ScenarioError
from stresser.model.units import Duration, shown
from stresser.scenario.decode import LabCheck, scenario_from_tree
from stresser.scenario.endpoint import EndpointAddress, parse_url
from stresser.scenario.plan import Scenario, Scheme
from stresser.scenario.proxy_environment import is_exempt, no_proxy, proxy_from_environment
from stresser.scenario.proxy_url import FROM_ENVIRONMENT

COMMAND_LINE = "command line"
"""Stands in messages where a file's name would."""
MOST_NAMED = 1000
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_PATH = re.compile(r"/(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2}){0,2047}")
_ACTIVITY = {"kind": "silent"}
_HTTP_ALPN = ["http/1.1"]
_DEFAULT_LIMIT = "5s"
_TIMED = ("resolve", "connect", "proxy", "tls", "upgrade")


class CheckWishes(NamedTuple):
    """The options."""

    interfaces: Sequence[str] = ()
    sources: Sequence[str] = ()
    proxies: Sequence[str] = ()
    proxy_auth: str | None = None
    """Of all proxies, commas between them; None: the scenario's default."""
    direct: bool = False
    """Also, or only, the way with none of these."""
    ca: str | None = None
    timeout: str | None = None
    """Of each phase."""


class NamedEndpoints(NamedTuple):
    """A command line's scenario."""

    scenario: Scenario
    paths: dict[str, str]
    """What to GET, by endpoint; a wss endpoint that is not in it is asked for an upgrade."""


def read_endpoints(
    texts: Sequence[str],
    wishes: CheckWishes,
    environment: Mapping[str, str],
    check_lab: LabCheck | None = None,
) -> NamedEndpoints:
    """Read endpoints and options. This system's PAC file stands in `auto_proxy`.

    Raises:
        ScenarioError: one line for each mistake.
    """
    endpoints, paths = _endpoints(texts)
    if wishes.ca is not None:
        endpoints = [{**endpoint, "ca": wishes.ca} for endpoint in endpoints]
    limit = checked_timeout(wishes.timeout) or _DEFAULT_LIMIT
    tree: dict[str, Any] = {
        "name": "check",
        "timeouts": dict.fromkeys(_TIMED, limit),
        "activity": _ACTIVITY,
        "endpoints": endpoints,
        "egresses": _egresses(wishes, [str(e["url"]) for e in endpoints], environment),
    }
    return NamedEndpoints(scenario_from_tree(tree, COMMAND_LINE, check_lab=check_lab), paths)


def checked_timeout(text: str | None) -> str | None:
    """The text of `--timeout`, read once for its mistakes.

    Raises:
        ScenarioError: one line.
    """
    try:
        limit = None if text is None else Duration.parse(text)
    except ValueError as error:
        raise ScenarioError(f"--timeout: {error}") from None
    if limit == 0:
        raise ScenarioError("--timeout: that leaves no time at all")
    return text


def checked_path(text: str) -> str:
    """The text of `--get`, a request target.

    Raises:
        ScenarioError: one line.
    """
    if not _PATH.fullmatch(text):
        raise ScenarioError(f'--get: {shown(text)} is not a path; write for example "/health"')
    return text


def _endpoints(texts: Sequence[str]) -> tuple[list[dict[str, Any]], dict[str, str]]:
    mistakes: list[str] = []
    endpoints: dict[str, dict[str, Any]] = {}
    paths: dict[str, str] = {}
    if len(texts) > MOST_NAMED:
        raise ScenarioError(f"ENDPOINT: {len(texts)} are too many; at most {MOST_NAMED} at once")
    for text in dict.fromkeys(texts):
        try:
            url, path = _url_and_path(text)
            address = parse_url(url)
        except ValueError as error:
            mistakes.append(f"ENDPOINT {_shown_endpoint(text)}: {error}")
            continue
        name = _free_name(address, endpoints)
        endpoints[name] = {"name": name, "url": url}
        if address.scheme is Scheme.WSS and not address.is_lab:
            endpoints[name]["alpn"] = _HTTP_ALPN
        if path is not None:
            paths[name] = path
    if mistakes:
        raise ScenarioError(*mistakes)
    return list(endpoints.values()), paths


def _shown_endpoint(text: str) -> str:
    """Without a user and a query: both may hold a secret."""
    found = _SCHEME.match(text)
    scheme = "" if found is None else found[0]
    before, at, rest = text[len(scheme) :].rpartition("@")
    return shown(f"{scheme}{'…@' if at else before}{rest.partition('?')[0]}")


def _url_and_path(text: str) -> tuple[str, str | None]:
    """The endpoint's URL, and what to GET there; None: nothing is to be got."""
    scheme = _SCHEME.match(text)
    if scheme is None:
        if any(c in text for c in "/?#"):
            raise ValueError("is neither a host nor a URL; write https://host/path, or host:port")
        text, scheme = f"https://{text}", _SCHEME.match(f"https://{text}")
    if scheme is None or scheme[1].lower() != "https":
        return text, None
    url = f"wss{text[len('https') :]}"
    return url, parse_url(url).target


def _free_name(address: EndpointAddress, taken: Mapping[str, object]) -> str:
    base = address.behaviour or address.authority
    base = re.sub(r"[^A-Za-z0-9._-]", "-", base.strip("[]"))[:56].strip("-") or "endpoint"
    name, number = base, 1
    while name in taken:
        number += 1
        name = f"{base}-{number}"
    return name


def _egresses(
    wishes: CheckWishes, urls: Sequence[str], environment: Mapping[str, str]
) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = [{"name": "direct"}] if wishes.direct else []
    made += [{"name": _plain(text), "interface": text} for text in wishes.interfaces]
    made += [{"name": _plain(text), "source": text} for text in wishes.sources]
    made += [
        {"name": "proxy" if len(wishes.proxies) == 1 else f"proxy-{number}", "proxy": text}
        for number, text in enumerate(wishes.proxies, 1)
    ]
    # As curl and most clients would go.
    if not made and any(_has_proxy(url, environment) for url in urls):
        made = [{"name": "environment", "proxy": FROM_ENVIRONMENT}]
    return [_with_auth(one, wishes.proxy_auth) for one in made or [{"name": "direct"}]]


def _with_auth(egress: dict[str, Any], named: str | None) -> dict[str, Any]:
    if named is None or "proxy" not in egress:
        return egress
    return egress | {"proxy_auth": [word.strip() for word in named.split(",")]}


def _has_proxy(url: str, environment: Mapping[str, str]) -> bool:
    address = parse_url(url)
    if address.is_lab:
        return False
    try:
        if proxy_from_environment(address.scheme, address.host, environment) is not None:
            return True
    except ValueError:
        return True  # said properly when the egress is made
    exempt = is_exempt(address.host, no_proxy(environment))
    return bool(environment.get("auto_proxy")) and not exempt


def _plain(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "-", text)[:64] or "egress"
