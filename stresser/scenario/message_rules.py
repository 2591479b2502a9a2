"""What a scenario may have sent: headers and messages, and where their gaps are filled from."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from stresser.model.errors import ScenarioError
from stresser.model.units import escaped
from stresser.scenario.header import check_header_name, check_header_value
from stresser.scenario.json_pointer import JsonPointer
from stresser.scenario.plan import ActivityKind, DataDirection, Endpoint, FirstMessage, Scenario
from stresser.scenario.secrets import Secret, variable_of
from stresser.scenario.wording import Wording, whole_from_environment

_HEX = re.compile(r"(?:\s*[0-9A-Fa-f]{2})*\s*")
_WAYS = ("text", "json", "binary")
NUMBER = "number"
"""In a message that is said again and again: its number in the session, from 1."""
Report = Callable[[tuple[str, ...], str], None]


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
    _check_texts(values, report)


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
    mistakes, secrets = [], {}
    for endpoint in scenario.endpoints:
        for name in gaps_of(endpoint):
            if name in environment:
                secrets[name] = Secret(name, environment[name])
            else:
                place = f"{escaped(filename)}: endpoints.{endpoint.name}.open"
                mistakes.append(
                    f"{place}: the environment variable {name} is not set; export it before a run"
                )
    if mistakes:
        raise ScenarioError(*mistakes)
    return secrets


def gaps_of(endpoint: Endpoint) -> list[str]:
    """The variables that an endpoint's messages take, each once."""
    wordings = (one for message in endpoint.open for one in wordings_of(message))
    return list(dict.fromkeys(gap.name for one in wordings for gap in one.gaps))


def _check_texts(
    values: Mapping[str, Any], report: Report, given: frozenset[str] | None = None
) -> None:
    """`given`: what fills gaps; None: the environment does."""
    if not _HEX.fullmatch(values.get("binary", "")):
        report(("binary",), "holds more than hexadecimal digits, two for each byte")
    for key in ("text", "expect", "json"):
        try:
            gaps = Wording(_text_of(key, values.get(key, ""))).gaps
        except ValueError as error:
            report((key,), str(error))
            continue
        for gap in gaps:
            if given is None and not gap.from_environment:
                report((key,), f"nothing gives ${{{gap.name}}}; write ${{env:{gap.name}}}")
            elif given is not None and (gap.from_environment or gap.name not in given):
                report((key,), f"holds ${{{gap.name}}}; here only ${{{NUMBER}}} is filled")


def _text_of(key: str, value: Any) -> str:
    return json_to_say(value) if key == "json" else str(value)


def _with_gaps(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _with_gaps(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_with_gaps(one) for one in value]
    return whole_from_environment(value) if isinstance(value, str) else value
