"""What the scenario's fields may hold beyond their types, and how to correct what they may not.

The ranges are data: the converter and the JSON Schema read the same table.
"""

import ipaddress
import re
from collections.abc import Callable, Collection
from typing import Any, NamedTuple

from msgspec import Struct, structs

from stresser.model.units import NS_PER_MS, NS_PER_S, Duration, Size, shown
from stresser.scenario.endpoint import ascii_host_name, parse_url
from stresser.scenario.handshake_rules import handshake_mistakes
from stresser.scenario.header import check_alpn, check_subprotocol, each_of
from stresser.scenario.lab_table import Middlebox
from stresser.scenario.message_rules import (
    Report,
    check_before,
    check_first_message,
    check_gaps,
    check_headers,
    check_pointer,
    check_spoken,
)
from stresser.scenario.mistakes import did_you_mean
from stresser.scenario.pac_answer import pac_place
from stresser.scenario.plan import (
    Activity,
    ActivityKind,
    Before,
    Broker,
    Egress,
    Endpoint,
    FirstMessage,
    Reconnect,
    Record,
    Reflector,
    Scenario,
    Sessions,
    Timeouts,
    Witnesses,
)
from stresser.scenario.politeness import too_many_sessions
from stresser.scenario.proxy_url import (
    FROM_ENVIRONMENT,
    PAC,
    ProxyScheme,
    auth_mistake,
    is_chosen_later,
    parse_proxy,
)
from stresser.scenario.scheme_rules import check_scheme
from stresser.scenario.secrets import variable_of

NAME_PATTERN = r"[A-Za-z0-9._-]{1,64}"


class Range(NamedTuple):
    """Least and most that a number may be, both allowed."""

    least: float
    most: float


_FARTHEST = Activity().up_to
_A_YEAR = 366 * 86_400 * NS_PER_S
_WAIT = Range(NS_PER_MS, _A_YEAR)
_SPAN = Range(1, _A_YEAR)

RANGES: dict[tuple[type[Struct], str], Range] = {
    (Scenario, "duration"): _WAIT,
    (Sessions, "count"): Range(1, 1_000_000),
    (Sessions, "attempts_per_second"): Range(0.001, 100_000),
    (Sessions, "attempts_per_second_per_endpoint"): Range(0.001, 100_000),
    (Sessions, "handshakes_in_flight"): Range(1, 100_000),
    (Sessions, "max_per_endpoint"): Range(1, 1_000_000),
    (Sessions, "workers"): Range(1, 64),
    (Reconnect, "initial"): _WAIT,
    (Reconnect, "max"): _WAIT,
    (Reconnect, "jitter"): Range(0, 1),
    (Activity, "every"): _WAIT,
    (Activity, "timeout"): _WAIT,
    (Activity, "message"): Range(1, 16 * 2**20),
    (Activity, "size"): Range(20, 2**20),
    (Broker, "keep_alive"): Range(0, 65_535 * NS_PER_S),
    (Activity, "prove"): _WAIT,
    (Activity, "up_to"): Range(2 * NS_PER_S, _A_YEAR),
    (Activity, "prove_share"): Range(0.001, 1),
    (FirstMessage, "within"): _WAIT,
    (Record, "histogram_interval"): Range(10 * NS_PER_MS, 86_400 * NS_PER_S),
    **{(Timeouts, name): _WAIT for name in Timeouts.__struct_fields__},
    **{
        (Middlebox, name): _SPAN
        for name in ("idle_timeout", "age_limit", "byte_limit", "blackhole_for", "corrupt_at")
    },
}
NAMED: tuple[type[Struct], ...] = (Scenario, Endpoint, Egress, Activity)
TABLES: dict[type[Struct], str] = {
    Sessions: "[sessions]",
    Reconnect: "sessions.reconnect",
    Timeouts: "[timeouts]",
    Activity: "[activity]",
    Broker: "mqtt of an endpoint",
    Endpoint: "[[endpoints]]",
    FirstMessage: "open of an endpoint",
    Before: "before of an endpoint",
    Egress: "[[egresses]]",
    Middlebox: "the lab table of an egress",
    Record: "[record]",
    Witnesses: "[witnesses]",
}
"""Where each kind of table stands in the file."""

_NAME = re.compile(NAME_PATTERN)
_PLAIN_TEXT = re.compile(r"[^\x00-\x1f\x7f]{1,4096}")
_INTERFACE = re.compile(r"[^\s/\x00-\x1f\x7f]{1,64}")
_MENDS: dict[tuple[type[Struct], str], str] = {
    (Scenario, "name"): 'write name = "..." above the first [table]',
    (Scenario, "endpoints"): 'write [[endpoints]] with name = "..." and url = "wss://host/path"',
    (Endpoint, "name"): 'write name = "..."',
    (Endpoint, "url"): 'write url = "wss://host/path" or "tls://host:443"',
    (Egress, "name"): 'write name = "..."',
    (Before, "take"): 'write take = { TOKEN = "/access_token" }',
}


def unknown_key(cls: type[Struct], key: str) -> str:
    """What to say of a key that this table does not have."""
    if cls is not Scenario and key in Scenario.__struct_fields__ and key != "name":
        return "unknown key here; it belongs at the top of the file, above the first [table]"
    near = did_you_mean(key, _keys(cls))
    homes = [where for table, where in TABLES.items() if table is not cls and key in _keys(table)]
    if homes and key != "name" and not near:
        return f"unknown key here; it belongs in {' or '.join(homes)}"
    return f"unknown key{near or '; known are ' + ', '.join(_keys(cls))}"


def how_to_write(cls: type[Struct], name: str) -> str:
    """How to correct a missing key."""
    return _MENDS[cls, name]


def check_field(cls: type[Struct], name: str, value: Any) -> Any:
    """The value, made regular.

    Raises:
        ValueError: with one sentence.
    """
    if (cls, name) in RANGES and not isinstance(value, str):  # a word in the place of a number
        return _in_range(value, RANGES[cls, name])
    if name == "name" and cls in NAMED:
        return _name(value)
    check = _FIELD_CHECKS.get((cls, name))
    return value if check is None else check(value)


def check_table(
    cls: type[Struct], values: dict[str, Any], written: Collection[str], report: Report
) -> None:
    """Reports what is wrong between the fields of one table.

    `values` holds the good ones, `written` names all: one that is wrong is not missing.
    """
    check = _TABLE_CHECKS.get(cls)
    is_told = cls is FirstMessage and len(values) < len(written)  # it is about what is missing
    if check is not None and not is_told:
        check(values, report)
    for key, needed, how in _NEEDS.get(cls, ()):
        if key in values and needed not in written:
            report((key,), f"needs {needed}{how}")


def _keys(cls: type[Struct]) -> list[str]:
    keys = [field.name for field in structs.fields(cls)]
    return [*keys, "activity"] if cls is Scenario else keys


def _in_range(value: Any, allowed: Range) -> Any:
    if allowed.least <= value <= allowed.most:
        return value
    least, most = (_as_written(bound, value) for bound in allowed)
    raise ValueError(f"{_as_written(value, value)} is not between {least} and {most}")


def _as_written(number: float, like: Any) -> str:
    if isinstance(like, Duration | Size):
        return f'"{type(like)(number).written()}"'
    return f"{number:g}" if isinstance(number, float) else str(number)


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError(
            f"{shown(text)} is not a name: 1 to 64 letters, digits, dots, hyphens and underscores"
        )
    return text


def _url(text: str) -> str:
    parse_url(text)
    return text


def _sni(text: str) -> str:
    try:
        return ascii_host_name(text)
    except ValueError as error:
        raise ValueError(f"{error}; TLS sends names alone (RFC 6066 section 3)") from None


def _file_path(text: str) -> str:
    if not _PLAIN_TEXT.fullmatch(text):
        raise ValueError(f"{shown(text)} is not the path of a PEM file")
    return text


def _interface(text: str) -> str:
    if not _INTERFACE.fullmatch(text):
        raise ValueError(f'{shown(text)} is not the name of an interface; write for example "tun0"')
    return text


def _source(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise ValueError(
            f'{shown(text)} is not an IP address of this host; write for example "192.0.2.10"'
        ) from None


def _address(text: str) -> str:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise ValueError(
            f'{shown(text)} is not an IP address; write for example "192.0.2.10"'
            " (the port is the URL's)"
        ) from None
    if "%" in text:
        raise ValueError(f"{shown(text)} has a zone; such an address cannot be dialled here")
    return str(address)


def _proxy(text: str) -> str:
    if text.startswith(PAC):
        pac_place(text)
    elif text != FROM_ENVIRONMENT:
        parse_proxy(text)
    return text


def _from_environment(text: str) -> str:
    if variable_of(text) is None:
        raise ValueError('must come from the environment: write "env:NAME" and export NAME')
    return text


def _endpoints(items: list[Endpoint]) -> list[Endpoint]:
    if not items:
        raise ValueError(f"there is none; {how_to_write(Scenario, 'endpoints')}")
    return items


def _not_empty(items: list[Any]) -> list[Any]:
    if not items:
        raise ValueError("is empty; leave it out for the default")
    return items


def _each_once(items: list[Any]) -> list[Any]:
    if len(set(_not_empty(items))) < len(items):
        raise ValueError("holds the same word twice")
    return items


def _check_endpoint(values: dict[str, Any], report: Report) -> None:
    check_headers(values.get("headers", {}), report)
    check_gaps(values, report)
    if "url" in values:
        check_scheme(parse_url(values["url"]).scheme, values, report)
    if "reflector" in values and "url" in values and parse_url(values["url"]).is_lab:
        report(("reflector",), "the lab's reflector is lab+wss://reflect; leave it out")
    for name, problem in handshake_mistakes(values):
        report((name,), problem)


def _check_egress(values: dict[str, Any], report: Report) -> None:
    given = [name for name in ("interface", "source", "lab") if name in values]
    for name in given[1:]:
        report((name,), f"the egress has {given[0]} already; one of interface, source and lab")
    if "lab" in values and "proxy" in values:
        report(("proxy",), "the egress has lab already; write two egresses")
    if "proxy_ca" in values and not _may_be_tls(values.get("proxy", FROM_ENVIRONMENT)):
        report(("proxy_ca",), "only an https:// proxy has a certificate chain; leave it out")
    mistake = auth_mistake(values.get("proxy", FROM_ENVIRONMENT), values)
    if mistake is not None:
        report(("proxy_auth",), mistake)


def _may_be_tls(proxy: str) -> bool:
    return is_chosen_later(proxy) or parse_proxy(proxy).scheme is ProxyScheme.HTTPS


def _check_scenario(values: dict[str, Any], report: Report) -> None:
    sessions = values.get("sessions", Sessions())
    egresses, activities = (len(values.get(key, [None])) for key in ("egresses", "activities"))
    mistake = too_many_sessions(sessions, values.get("endpoints", []), egresses, activities)
    if mistake is not None:
        report(("sessions", "count"), mistake)


def _check_sessions(values: dict[str, Any], report: Report) -> None:
    workers = values.get("workers", 1)
    in_flight = values.get("handshakes_in_flight", Sessions().handshakes_in_flight)
    if isinstance(workers, int) and workers > in_flight:
        report(
            ("workers",),
            f"{workers} workers have no handshake in flight each: handshakes_in_flight is"
            f" {in_flight}; lower the one or raise the other",
        )


def _check_reconnect(values: dict[str, Any], report: Report) -> None:
    initial = values.get("initial", Reconnect().initial)
    longest = values.get("max", Reconnect().max)
    if initial > longest:
        report(("initial",), f'"{initial.written()}" is more than max, "{longest.written()}"')


def _check_activity(values: dict[str, Any], report: Report) -> None:
    kind = values.get("kind", Activity().kind)
    values.setdefault("name", kind.value)
    if kind is not ActivityKind.HEARTBEAT and "message" in values:
        report(("message",), f'is sent before each ping, and kind = "{kind}" sends none')
    if kind is not ActivityKind.SILENT and "prove" in values:
        report(("prove",), f'proves silent sessions, and kind = "{kind}" does not hold any')
    if kind is not ActivityKind.IDLE_SEARCH and values.get("up_to", _FARTHEST) != _FARTHEST:
        report(("up_to",), f'ends a search, and kind = "{kind}" is none')
    if kind is not ActivityKind.IDLE_SEARCH and values.get("together", False):
        report(("together",), f'follows a search, and kind = "{kind}" is none')
    usual = Activity().prove_share
    if values.get("prove_share", usual) != usual and "prove" not in values:
        report(("prove_share",), 'needs prove, the age of the first proof: prove = "5m"')
    check_spoken(values, report)
    if kind is ActivityKind.KEEPALIVE:
        for name in ("every", "timeout"):
            if values.get(name, getattr(Activity(), name)) < NS_PER_S:
                report((name,), 'is under a second, the kernel\'s unit for keepalive; write "1s"')


_FIELD_CHECKS: dict[tuple[type[Struct], str], Callable[[Any], Any]] = {
    (Scenario, "endpoints"): _endpoints,
    (Scenario, "egresses"): _not_empty,
    (Scenario, "activities"): _not_empty,
    (Endpoint, "url"): _url,
    (Endpoint, "ca"): _file_path,
    (Endpoint, "sni"): _sni,
    (Endpoint, "address"): _address,
    (Endpoint, "subprotocols"): each_of(check_subprotocol),
    (Endpoint, "alpn"): each_of(check_alpn),
    (FirstMessage, "pointer"): check_pointer,
    (Activity, "pointer"): check_pointer,
    (Reflector, "token"): _from_environment,
    **dict.fromkeys([(Broker, "user"), (Broker, "password")], _from_environment),
    (Broker, "client_id"): _name,
    (Egress, "interface"): _interface,
    (Egress, "source"): _source,
    (Egress, "proxy"): _proxy,
    (Egress, "proxy_user"): _from_environment,
    (Egress, "proxy_password"): _from_environment,
    (Egress, "proxy_auth"): _each_once,
    (Egress, "proxy_ca"): _file_path,
}
_TABLE_CHECKS: dict[type[Struct], Callable[[dict[str, Any], Report], None]] = {
    Scenario: _check_scenario,
    Sessions: _check_sessions,
    Endpoint: _check_endpoint,
    FirstMessage: check_first_message,
    Before: check_before,
    Egress: _check_egress,
    Reconnect: _check_reconnect,
    Activity: _check_activity,
}
_PROXY = ', such as proxy = "http://proxy.example.net:3128"'
_NEEDS: dict[type[Struct], tuple[tuple[str, str, str], ...]] = {
    Middlebox: (("blackhole_for", "blackhole_at", ', the time it begins: blackhole_at = "10s"'),),
    Egress: (
        ("proxy_user", "proxy", _PROXY),
        ("proxy_password", "proxy", _PROXY),
        ("proxy_auth", "proxy", _PROXY),
        ("proxy_ca", "proxy", _PROXY),
        ("proxy_user", "proxy_password", ' = "env:NAME" as well'),
        ("proxy_password", "proxy_user", ' = "env:NAME" as well'),
    ),
}
"""Key, the other key that it means nothing without, how to write that one."""
