"""A scenario file's bytes become a `Scenario`, or an error that lists every mistake in it.

Whatever the bytes are, the outcome is one of the two, in bounded time and memory.
"""

import re
import tomllib
from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct

from stresser.model.cohort import Cohort
from stresser.model.errors import ScenarioError
from stresser.model.units import escaped, shown
from stresser.scenario.convert import MOST_ENTRIES, WRONG, convert, convert_fields, struct_type
from stresser.scenario.endpoint import parse_url
from stresser.scenario.mistakes import Mistakes, did_you_mean
from stresser.scenario.overrides import apply_override
from stresser.scenario.plan import Activity, Egress, Endpoint, Scenario
from stresser.scenario.threshold import parse_threshold

LARGEST_FILE = 1 << 20
"""Bytes."""

LabCheck = Callable[[str, str, str], object]
"""Takes scheme, behaviour, argument; raises ValueError where the lab has no such behaviour."""

_MOST_KEY_PARTS = 16  # tomllib's time is quadratic in the parts of a dotted key
_PART = r"""(?:[A-Za-z0-9_-]++|"[^"\n]*+"|'[^'\n]*+')"""
_LONG_KEY = re.compile(rf"(?<![A-Za-z0-9_-])(?:{_PART}[ \t]*+\.[ \t]*+){{{_MOST_KEY_PARTS}}}")
_COMMENT_LINE = re.compile(r"^[ \t]*#.*$", re.MULTILINE)
_PLACE = re.compile(r" \(at (?:line ([0-9]+), column ([0-9]+)|end of document)\)$")
_NAMED_LISTS: dict[str, type[Struct]] = {
    "endpoints": Endpoint,
    "egresses": Egress,
    "activities": Activity,
}
_LIST_OF_LABEL = dict(zip(Cohort._fields, _NAMED_LISTS, strict=True))


def decode_scenario(
    data: bytes,
    filename: str,
    overrides: Sequence[tuple[str, str]] = (),
    *,
    check_lab: LabCheck | None = None,
) -> Scenario:
    """Read a scenario file.

    Args:
        data: the file's bytes, hostile or not.
        filename: for the messages.
        overrides: (key, value) of each `--set`.
        check_lab: knows the lab's behaviours (lab/ is above this room).

    Raises:
        ScenarioError: one line for each mistake.
    """
    mistakes = Mistakes(filename)
    tree = _parse_toml(data, mistakes)
    for key, text in overrides:
        apply_override(tree, key, text, mistakes)
    return _scenario(tree, mistakes, check_lab)


def scenario_from_tree(
    tree: dict[str, Any], filename: str, *, check_lab: LabCheck | None = None
) -> Scenario:
    """A scenario that was never a file.

    Raises:
        ScenarioError: one line for each mistake.
    """
    return _scenario(tree, Mistakes(filename), check_lab)


def _scenario(tree: dict[str, Any], mistakes: Mistakes, check_lab: LabCheck | None) -> Scenario:
    table = _with_names_of_today(tree)
    activity = _single_activity(table, mistakes)
    fields = convert_fields(table, Scenario, (), mistakes)
    names = {key: _names_in(tree, key) for key in _NAMED_LISTS}
    _check_unique(names, mistakes)
    _check_thresholds(tree.get("thresholds"), names, mistakes)
    _check_lab_endpoints(tree.get("endpoints"), mistakes, check_lab)
    if fields is None or mistakes:
        mistakes.raise_all()
    if activity is not None:
        fields["activities"] = [activity]
    return Scenario(**fields)


def _parse_toml(data: bytes, mistakes: Mistakes) -> dict[str, Any]:
    try:
        return tomllib.loads(_text_of(data))
    except tomllib.TOMLDecodeError as error:
        problem = _toml_problem(str(error))
    except RecursionError:
        problem = "lists or tables are nested too deeply"
    except _UnreadableError as error:
        problem = str(error)
    except ValueError:  # int() of more digits than Python reads, the one case tomllib lets through
        problem = "a number in it is absurdly long"
    raise ScenarioError(mistakes.whole(problem))


class _UnreadableError(Exception):
    """The bytes are no TOML file; the text says why."""


def _text_of(data: bytes) -> str:
    if len(data) > LARGEST_FILE:
        raise _UnreadableError("has more than 1 MiB; that is no scenario")
    if not data.strip():
        raise _UnreadableError("is empty; `stresser init FILE` writes one to fill in")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise _UnreadableError("is UTF-16 text; save it as UTF-8")
    if b"\x00" in data:
        raise _UnreadableError(f"{_line_of(data, data.index(0))}: a NUL byte; this is no text file")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _UnreadableError(
            f"{_line_of(data, error.start)}: not UTF-8 text; save the file as UTF-8"
        ) from None
    long_key = _LONG_KEY.search(_COMMENT_LINE.sub("", text))
    if long_key is not None:
        raise _UnreadableError(f"{shown(long_key[0])}: a key of more than {_MOST_KEY_PARTS} parts")
    return text


def _line_of(data: bytes, offset: int) -> str:
    newlines = data.count(b"\n", 0, offset)
    return f"line {newlines + 1}"


def _toml_problem(message: str) -> str:
    place = _PLACE.search(message)
    what = escaped(message[: place.start()] if place else message)
    if place is None or place[1] is None:
        return f"not TOML at its end: {what}"
    return f"line {place[1]}, column {place[2]}: not TOML: {what}"


def _with_names_of_today(tree: dict[str, Any]) -> dict[str, Any]:
    """What version 0.1 called `second_look` is `fresh_connections`."""
    written = tree.get("witnesses")
    if not isinstance(written, dict):
        return dict(tree)
    names = {"second_look": "fresh_connections"}
    return tree | {"witnesses": {names.get(key, key): value for key, value in written.items()}}


def _single_activity(table: dict[str, Any], mistakes: Mistakes) -> Activity | None:
    """Takes `[activity]` out of the table: it is another way to write `[[activities]]`."""
    if "activity" not in table:
        return None
    written = table.pop("activity")
    if "activities" in table:
        mistakes.add(("activity",), "the file has [[activities]] too; write one of the two")
    if isinstance(written, list):
        mistakes.add(("activity",), "must be one table, [activity]; several are [[activities]]")
        return None
    activity = convert(written, struct_type(Activity), ("activity",), mistakes)
    return None if activity is WRONG else activity


def _names_in(tree: dict[str, Any], key: str) -> list[str | None]:
    """The names that a list of tables gives, in order, whatever else is wrong with it."""
    if key == "activities" and "activity" in tree:
        return [_name_of(tree["activity"], Activity)]
    if key != "endpoints" and key not in tree:
        return ["default" if key == "egresses" else Activity().kind.value]
    items = tree.get(key)
    cls = _NAMED_LISTS[key]
    return [_name_of(item, cls) for item in items] if isinstance(items, list) else []


def _name_of(item: Any, cls: type[Struct]) -> str | None:
    if not isinstance(item, dict):
        return None
    default = item.get("kind", Activity().kind.value) if cls is Activity else None
    name = item.get("name", default)
    return name if isinstance(name, str) else None


def _check_unique(names: dict[str, list[str | None]], mistakes: Mistakes) -> None:
    for key, given in names.items():
        seen: set[str] = set()
        for place, name in enumerate(given):
            if name in seen:
                mistakes.add((key, place, "name"), f"{shown(name)} is the name of another one")
            elif name is not None:
                seen.add(name)


def _check_thresholds(written: Any, names: dict[str, list[str | None]], mistakes: Mistakes) -> None:
    """Each rule by its own grammar; its labels must name what the scenario has."""
    if not isinstance(written, dict) or len(written) > MOST_ENTRIES:
        return  # the converter has noted it
    for key, rule in written.items():
        if not isinstance(rule, str):
            continue  # noted likewise
        try:
            threshold = parse_threshold(key, rule)
        except ValueError as error:
            mistakes.add(("thresholds", key), str(error))
            continue
        for label, name in threshold.labels.items():
            known = [text for text in names[_LIST_OF_LABEL[label]] if text is not None]
            if name not in known:
                mend = did_you_mean(name, known) or f"; there is {', '.join(map(shown, known[:9]))}"
                mistakes.add(("thresholds", key), f"there is no {label} {shown(name)}{mend}")


def _check_lab_endpoints(items: Any, mistakes: Mistakes, check_lab: LabCheck | None) -> None:
    if check_lab is None or not isinstance(items, list):
        return
    for place, item in enumerate(items):
        url = item.get("url") if isinstance(item, dict) else None
        try:
            address = parse_url(url) if isinstance(url, str) else None
        except ValueError:
            continue  # the converter has noted it
        if address is None or address.behaviour is None:
            continue
        try:
            check_lab(address.scheme, address.behaviour, address.argument)
        except ValueError as error:
            mistakes.add(("endpoints", place, "url"), str(error))
