"""What must never be recorded or shown: header values from the environment, and look-alikes.

Reads no environment itself: the caller hands a mapping over (`os.environ`).
"""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar
from urllib.parse import unquote

from msgspec.structs import replace

from stresser.model.errors import ScenarioError
from stresser.model.units import escaped, shown
from stresser.scenario.header import check_header_value
from stresser.scenario.plain import to_plain
from stresser.scenario.plan import (
    Activity,
    Before,
    Broker,
    Egress,
    Endpoint,
    FirstMessage,
    Reflector,
    Scenario,
)

MASK = "(masked)"
VARIABLE_PATTERN = "^env:[A-Za-z_][A-Za-z0-9_]{0,127}$"
"""For JSON Schema: what must come from the environment."""
_PREFIX = "env:"
_SHORTEST_TOKEN = 16
_SHORTEST_MASKED, _LONGEST = 4, 1 << 16
_PROXY_CREDENTIALS = ("proxy_user", "proxy_password")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_EMBEDDED = re.compile(r"\benv:[A-Za-z_]")
_CREDENTIAL = re.compile(
    r"auth|cookie|token|secret|passw|passphrase|pwd|api[-_]?key|access[-_]?key|credential"
    r"|session|signature|bearer|jwt|saml|assertion|private",
    re.IGNORECASE,
)
_SHORT_QUERY_NAMES = frozenset({"sig", "key", "code", "sas", "pass", "pw", "pin", "otp", "user"})
_MEMBER = re.compile(r'"([^"]{1,128})"(\s{0,8}:\s{0,8})"((?:[^"\\]|\\.)*)"')
_FORM = re.compile(r"(^|&)([^=&\"{}\s]{1,128})=([^&\s]*)")
_PARAMETER = re.compile(r"([?&;])([^=&;#]*)=([^&;#]*)")


class Secret:
    """A header value that shows itself to no one who does not ask for it by `reveal()`."""

    __slots__ = ("_value", "variable")

    def __init__(self, variable: str, value: str) -> None:
        self.variable = variable
        self._value = value

    def reveal(self) -> str:
        """The value itself, for the socket alone."""
        return self._value

    def __repr__(self) -> str:
        return f"{_PREFIX}{self.variable} {MASK}"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return (self.variable, self._value) == (other.variable, other._value)

    def __hash__(self) -> int:
        return hash((self.variable, self._value))

    def __reduce__(self) -> str | tuple[Any, ...]:
        raise TypeError("a secret is not written anywhere")


def masked_in(text: str | None, secrets: Iterable[Secret]) -> str | None:
    """A peer's text without the secrets that it repeats, whole or cut at its end."""
    if text is None:
        return None
    for secret in secrets:
        plain = secret.reveal()
        for value in {plain, escaped(plain, _LONGEST), json.dumps(plain, ensure_ascii=False)[1:-1]}:
            if len(value) < _SHORTEST_MASKED:
                continue
            text = text.replace(value, MASK)
            lengths = range(min(len(value), len(text)), _SHORTEST_MASKED - 1, -1)
            cut = next((n for n in lengths if text.endswith(value[:n])), 0)
            text = text[: len(text) - cut] + MASK if cut else text
    return text


M = TypeVar("M", FirstMessage, Activity)
HeaderValues = dict[str, "str | Secret"]


def variable_of(value: str) -> str | None:
    """The environment variable that a header value names: `env:NAME`. None for a plain value.

    Raises:
        ValueError: with one sentence, where it looks like `env:NAME` and is not.
    """
    if not value.startswith(_PREFIX):
        if _EMBEDDED.search(value):
            raise ValueError(
                "env:NAME must be the whole value; put the text around it into the variable"
            )
        return None
    name = value.removeprefix(_PREFIX)
    if not _VARIABLE.fullmatch(name):
        raise ValueError(f"{shown(name)} is not the name of an environment variable")
    return name


def resolve_headers(
    scenario: Scenario, environment: Mapping[str, str], filename: str
) -> dict[str, HeaderValues]:
    """The headers of each endpoint, by endpoint name, with `env:` values taken.

    Raises:
        ScenarioError: one line for each variable that is missing, empty or no header value.
    """
    mistakes: list[str] = []
    resolved = {
        endpoint.name: _headers_of(endpoint, environment, f"{escaped(filename)}: ", mistakes)
        for endpoint in scenario.endpoints
    }
    if mistakes:
        raise ScenarioError(*mistakes)
    return resolved


def resolve_tokens(
    scenario: Scenario, environment: Mapping[str, str], filename: str
) -> dict[str, Secret]:
    """The reflector's token of each endpoint that has one, by endpoint name.

    Raises:
        ScenarioError: one line for each variable that is missing or empty.
    """
    mistakes, tokens = [], {}
    for endpoint in scenario.endpoints:
        if endpoint.reflector is not None:
            try:
                tokens[endpoint.name] = token_of(endpoint.reflector.token, environment)
            except ValueError as error:
                place = f"endpoints.{endpoint.name}.reflector.token"
                mistakes.append(f"{escaped(filename)}: {place}: {error}")
    if mistakes:
        raise ScenarioError(*mistakes)
    return tokens


def token_of(written: str, environment: Mapping[str, str]) -> Secret:
    """The token that `env:NAME` stands for.

    Raises:
        ValueError: with one sentence, where it is not `env:NAME`, or NAME is not set or is short.
    """
    variable = variable_of(written)
    if variable is None:
        raise ValueError('must come from the environment: write "env:NAME" and export NAME')
    value = environment.get(variable, "")
    if len(value) < _SHORTEST_TOKEN:
        raise ValueError(
            f"the environment variable {variable} holds {len(value)} characters; a token needs"
            f" {_SHORTEST_TOKEN} or more: `openssl rand -hex 32` makes one"
        )
    return Secret(variable, value)


def masked(scenario: Scenario) -> dict[str, Any]:
    """The scenario as plain data for the manifest, with nothing secret in it.

    `env:NAME` becomes `env:NAME (masked)`; a value written literally under a name that
    looks like a credential's, in headers or in a URL's query, becomes `(masked)`.
    """
    endpoints = [
        replace(
            endpoint,
            url=masked_url(endpoint.url),
            headers={name: _masked_value(name, text) for name, text in endpoint.headers.items()},
            before=_masked_before(endpoint.before),
            open=[_masked_message(message) for message in endpoint.open],
            reflector=_masked_reflector(endpoint.reflector),
            mqtt=_masked_broker(endpoint.mqtt),
        )
        for endpoint in scenario.endpoints
    ]
    egresses = [
        replace(egress, **{key: _masked_value(key, text) for key, text in _credentials(egress)})
        for egress in scenario.egresses
    ]
    activities = [_masked_message(activity) for activity in scenario.activities]
    whole = replace(scenario, endpoints=endpoints, egresses=egresses, activities=activities)
    tree: dict[str, Any] = to_plain(whole)
    return tree


def _masked_before(before: Before | None) -> Before | None:
    if before is None:
        return None
    return replace(
        before,
        get=None if before.get is None else masked_url(before.get),
        post=None if before.post is None else masked_url(before.post),
        headers={name: _masked_value(name, text) for name, text in before.headers.items()},
        body=_MEMBER.sub(_masked_member, _FORM.sub(_masked_field, before.body)),
    )


def _masked_field(found: re.Match[str]) -> str:
    return f"{found[1]}{found[2]}={_masked_text(found[2], found[3])}"


def _masked_message(message: M) -> M:
    text = message.text
    return replace(
        message,
        text=None if text is None else _MEMBER.sub(_masked_member, text),
        json=_masked_json("", message.json),
    )


def _masked_json(name: str, value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _masked_json(key, one) for key, one in value.items()}
    if isinstance(value, list):
        return [_masked_json(name, one) for one in value]
    return _masked_text(name, value) if isinstance(value, str) else value


def _masked_text(name: str, text: str) -> str:
    """A value is masked by its name; what a gap stands for is not there to be seen."""
    has_gap = "${" in text or text.startswith(_PREFIX)
    return MASK if _CREDENTIAL.search(name) and not has_gap else text


def _masked_member(found: re.Match[str]) -> str:
    return f'"{found[1]}"{found[2]}"{_masked_text(found[1], found[3])}"'


def _masked_reflector(reflector: Reflector | None) -> Reflector | None:
    return None if reflector is None else Reflector(token=_masked_value("token", reflector.token))


def _masked_broker(broker: Broker | None) -> Broker | None:
    if broker is None:
        return None
    user, password = (
        None if text is None else _masked_value("password", text)
        for text in (broker.user, broker.password)
    )
    return replace(broker, user=user, password=password)


def _credentials(egress: Egress) -> list[tuple[str, str]]:
    written = ((key, getattr(egress, key)) for key in _PROXY_CREDENTIALS)
    return [(key, text) for key, text in written if text is not None]


def masked_url(url: str) -> str:
    """A URL whose query values that look like credentials are masked."""
    return _PARAMETER.sub(_masked_parameter, url)


def _headers_of(
    endpoint: Endpoint, environment: Mapping[str, str], prefix: str, mistakes: list[str]
) -> HeaderValues:
    values: HeaderValues = {}
    for name, text in endpoint.headers.items():
        variable = variable_of(text)
        try:
            values[name] = text if variable is None else _secret(variable, environment)
        except ValueError as error:
            mistakes.append(f"{prefix}endpoints.{endpoint.name}.headers.{name}: {error}")
    return values


def _secret(variable: str, environment: Mapping[str, str]) -> Secret:
    value = environment.get(variable)
    if value is None:
        raise ValueError(f"the environment variable {variable} is not set; export it before a run")
    try:
        check_header_value(value)
    except ValueError as error:
        raise ValueError(f"in the environment variable {variable}, {error}") from None
    return Secret(variable, value)


def _masked_value(name: str, text: str) -> str:
    if text.startswith(_PREFIX):
        return f"{text} {MASK}"
    return MASK if _CREDENTIAL.search(name) else text


def _masked_parameter(match: re.Match[str]) -> str:
    mark, name, value = match.groups()
    plain = unquote(name)
    is_credential = plain.lower() in _SHORT_QUERY_NAMES or _CREDENTIAL.search(plain)
    return f"{mark}{name}={MASK if is_credential and value else value}"
