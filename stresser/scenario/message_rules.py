"""What a scenario may have sent: headers and messages, and where their gaps are filled from."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from stresser.model.errors import ScenarioError
from stresser.model.units import escaped
from stresser.scenario.endpoint import parse_request_url
from stresser.scenario.header import check_header_name, check_header_value
from stresser.scenario.json_pointer import JsonPointer
from stresser.scenario.plan import (
    ActivityKind,
    Broker,
    DataDirection,
    Endpoint,
    FirstMessage,
    Scenario,
)
from stresser.scenario.secrets import Secret, variable_of
from stresser.scenario.wording import Wording, whole_from_environment

_HEX = re.compile(r"(?:\s*[0-9A-Fa-f]{2})*\s*")
_WAYS = ("text", "json", "binary")
NUMBER = "number"
"""In a message that is said again and again: its number in the session, from 1."""
Report = Callable[[tuple[str | int, ...], str], None]
"""Takes the path of a key within its table, and what is wrong there."""


def check_headers(headers: Mapping[str, str], report: Report) -> None:
    """Report each header field that a request may not have."""
    for name, value in headers.items():
        try:
            check_header_name(name)
            if variable_of(value) is None:
                check_header_value(value)
        except ValueError as error:
            report(("headers", name), str(error))
    lowered = [name.lower() for name in headers]
    for name in sorted({name for name in lowered if lowered.count(name) > 1}):
        report(
            ("headers", name), "is there twice: header names that differ in case alone are one name"
        )


def check_pointer(text: str) -> str:
    """Raises ValueError with one sentence where it is no JSON pointer."""
    JsonPointer(text)
    return text


def check_first_message(values: dict[str, Any], report: Report) -> None:
    """Report what is wrong between the fields of one first message."""
    given = [way for way in _WAYS if way in values]
    for way in given[1:]:
        report((way,), f"the message has {given[0]} already; write two messages")
    if not given and not {"expect", "pointer"} & values.keys():
        report(("expect",), 'nothing is sent and nothing awaited; write text = "..."')
    _check_texts(values, report, None)


def check_spoken(values: dict[str, Any], report: Report) -> None:
    """Report what is wrong with what an activity says."""
    given = [way for way in (*_WAYS, "size") if way in values]
    is_spoken = values.get("kind") is ActivityKind.MESSAGES
    if not is_spoken:
        for key in (*given, *({"expect", "pointer"} & values.keys())):
            report((key,), 'is of messages; write kind = "messages"')
        return
    if not given:
        report(("kind",), 'says nothing; write text = "..." or size = "1KiB"')
    for way in given[1:]:
        report((way,), f"the activity has {given[0]} already; write two activities")
    if "size" in values:
        for key in sorted({"expect", "pointer"} & values.keys()):
            report((key,), "a message of size is known by its number; leave it out")
    elif values.get("direction", DataDirection.BOTH) is not DataDirection.BOTH:
        report(("direction",), 'is of size; write size = "1KiB" in place of the message')
    _check_texts(values, report, frozenset({NUMBER}))


def check_before(values: dict[str, Any], report: Report) -> None:
    """Report what is wrong with the request before a session."""
    given = [way for way in ("get", "post") if way in values]
    if len(given) != 1:
        report(("get",), 'needs a place; write get = "https://host/path", or post')
    for way in given:
        try:
            parse_request_url(values[way])
        except ValueError as error:
            report((way,), str(error))
    if "post" not in values and values.get("body"):
        report(("body",), "is sent by post; write post in the place of get")
    check_headers(values.get("headers", {}), report)
    for name, place in values.get("take", {}).items():
        try:
            _check_taken(name, place)
        except ValueError as error:
            report(("take", name), str(error))
    if not values.get("take", {"": ""}):
        report(("take",), 'takes nothing; write take = { TOKEN = "/access_token" }')
    _check_gaps(("body",), values.get("body", ""), report, frozenset())


def _check_taken(name: str, place: str) -> None:
    if not Wording.is_name(name):
        raise ValueError("is no name: letters, digits and underscores, a letter first")
    if place.startswith("/"):
        JsonPointer(place)
    else:
        check_header_name(place)


def check_gaps(values: dict[str, Any], report: Report) -> None:
    """Report each gap of an endpoint that neither the environment nor `before` fills."""
    before = values.get("before")
    taken = frozenset() if before is None else frozenset(before.take)
    for place, message in enumerate(values.get("open", [])):
        for key in ("text", "expect", "json"):
            text = _text_of(key, getattr(message, key) or "")
            _check_gaps(("open", place, key), text, report, taken)
    _check_gaps(("url",), values.get("url", ""), report, taken, environment=False)
    if before is None:
        return
    if "url" in before.take and values.get("url", "").startswith("lab+"):
        report(("before", "take", "url"), "the lab's endpoint stays where it is; leave it out")
    for name, value in values.get("headers", {}).items():
        if variable_of(value) is None:
            _check_gaps(("headers", name), value, report, taken, environment=False)


def json_to_say(value: Any) -> str:
    """JSON as it is sent, its gaps still open: each stands within one of its texts."""
    return json.dumps(_with_gaps(value), separators=(",", ":"), ensure_ascii=False)


def wordings_of(message: FirstMessage) -> Iterator[Wording]:
    """The texts of a message that may have gaps."""
    if message.json is not None:
        yield Wording(json_to_say(message.json))
    yield from (Wording(text) for text in (message.text, message.expect) if text is not None)


def resolve_gaps(
    scenario: Scenario, environment: Mapping[str, str], filename: str
) -> dict[str, Secret]:
    """What the environment holds for the messages' gaps, by variable.

    Raises:
        ScenarioError: one line for each variable that is not set.
    """
    mistakes: list[str] = []
    secrets: dict[str, Secret] = {}
    for endpoint in scenario.endpoints:
        for name in gaps_of(endpoint):
            place = f"{escaped(filename)}: endpoints.{endpoint.name}"
            if name in environment:
                secrets[name] = Secret(name, environment[name])
                mistakes += _unfit(place, endpoint, secrets[name])
            else:
                mistakes.append(
                    f"{place}: the environment variable {name} is not set; export it before a run"
                )
    if mistakes:
        raise ScenarioError(*mistakes)
    return secrets


def _unfit(place: str, endpoint: Endpoint, secret: Secret) -> Iterator[str]:
    """Where a header of the request before a session cannot hold it."""
    headers = {} if endpoint.before is None else endpoint.before.headers
    for name, value in headers.items():
        if variable_of(value) == secret.variable:
            try:
                check_header_value(secret.reveal())
            except ValueError as error:
                yield (
                    f"{place}.before.headers.{name}: in the environment variable"
                    f" {secret.variable}, {error}"
                )


def gaps_of(endpoint: Endpoint) -> list[str]:
    """The variables that an endpoint's messages, the request before them and its broker take."""
    wordings = [one for message in endpoint.open for one in wordings_of(message)]
    if endpoint.before is not None:
        wordings.append(Wording(endpoint.before.body))
        wordings += [
            Wording(value) for value in endpoint.before.headers.values() if variable_of(value)
        ]
    gaps = (gap for one in wordings for gap in one.gaps if gap.from_environment)
    names = [gap.name for gap in gaps]
    return list(dict.fromkeys([*names, *login_variables(endpoint.mqtt)]))


def login_variables(broker: Broker | None) -> list[str]:
    """The variables that hold its user and password."""
    written = () if broker is None else (broker.user, broker.password)
    found = (variable_of(one) for one in written if one is not None)
    return [name for name in found if name is not None]


def _check_texts(values: Mapping[str, Any], report: Report, given: frozenset[str] | None) -> None:
    """`given`: what fills gaps; None: that is looked at with the whole endpoint."""
    if not _HEX.fullmatch(values.get("binary", "")):
        report(("binary",), "holds more than hexadecimal digits, two for each byte")
    for key in ("text", "expect", "json"):
        try:
            gaps = Wording(_text_of(key, values.get(key, ""))).gaps
        except ValueError as error:
            report((key,), str(error))
            continue
        for gap in gaps:
            if given is not None and (gap.from_environment or gap.name not in given):
                report((key,), f"holds ${{{gap.name}}}; here only ${{{NUMBER}}} is filled")


def _check_gaps(
    key: tuple[str | int, ...],
    text: str,
    report: Report,
    taken: frozenset[str],
    *,
    environment: bool = True,
) -> None:
    try:
        gaps = Wording(text).gaps
    except ValueError as error:
        if key[0] != "open":  # of which it is said already
            report(key, str(error))
        return
    for gap in gaps:
        if gap.from_environment and not environment:
            report(key, f"holds ${{env:{gap.name}}}; here only what `before` takes is put in")
        elif not gap.from_environment and gap.name not in taken:
            mend = f"write ${{env:{gap.name}}}" if environment else "let `before` take it"
            report(key, f"nothing gives ${{{gap.name}}}; {mend}")


def _text_of(key: str, value: Any) -> str:
    return json_to_say(value) if key == "json" else str(value)


def _with_gaps(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _with_gaps(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_with_gaps(one) for one in value]
    return whole_from_environment(value) if isinstance(value, str) else value
