"""What a scenario may have sent: headers and messages, and where their gaps are filled from."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from stresser.model.errors import ScenarioError
from stresser.model.units import escaped
from stresser.scenario.header import check_header_name, check_header_value
from stresser.scenario.json_pointer import JsonPointer
from stresser.scenario.plan import Endpoint, FirstMessage, Scenario
from stresser.scenario.secrets import Secret, variable_of
from stresser.scenario.wording import Wording, whole_from_environment

_HEX = re.compile(r"(?:\s*[0-9A-Fa-f]{2})*\s*")
_WAYS = ("text", "json", "binary")
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
    if not _HEX.fullmatch(values.get("binary", "")):
        report(("binary",), "holds more than hexadecimal digits, two for each byte")
    for key in ("text", "expect", "json"):
        try:
            gaps = Wording(_text_of(key, values.get(key, ""))).gaps
        except ValueError as error:
            report((key,), str(error))
            continue
        for gap in gaps:
            if not gap.from_environment:
                report((key,), f"nothing gives ${{{gap.name}}}; write ${{env:{gap.name}}}")


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


def _text_of(key: str, value: Any) -> str:
    return json_to_say(value) if key == "json" else str(value)


def _with_gaps(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _with_gaps(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_with_gaps(one) for one in value]
    return whole_from_environment(value) if isinstance(value, str) else value
