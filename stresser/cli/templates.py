"""Shipped scenarios that are to be filled in: which lines say CHANGE, and which were not changed.

A line is untouched where it still says CHANGE and the scenario, `--set` included, still has the
value that a shipped one has there. A run of such a scenario would hold sessions to no one, but for
an endpoint of the lab: that one may stay for a first try.
"""

import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

from stresser.cli.scenario_file import LoadedScenario, shipped_folder
from stresser.model.errors import ScenarioError
from stresser.model.units import escaped, shown

_MARKED = re.compile(r"\s*(?P<pair>(?P<key>[A-Za-z_]+)\s*=\s*\S.*?)\s*#\s*CHANGE\b")
_HEADER = re.compile(r"\s*\[\[(?P<table>[a-z]+)\]\]")
_LONGEST_LINE = 1000


class _Blank(NamedTuple):
    """A value that is to be changed."""

    line: int
    table: str
    """`endpoints` or `egresses`."""
    place: int
    """Of the table in its list, from 0."""
    key: str
    value: str


def refuse_untouched(loaded: LoadedScenario) -> LoadedScenario:
    """The scenario, if nothing in it is still a template's.

    Raises:
        ScenarioError: one line for each value that was not changed.
    """
    text = loaded.path.read_text(encoding="utf-8", errors="replace")
    blanks = list(_blanks(text))
    given = {(one.key, one.value) for one in _of_templates()} if blanks else set()
    mistakes = [
        f"{escaped(str(loaded.path))}: line {one.line}: {one.table}.{escaped(item.name)}.{one.key}"
        f" is still the template's {shown(one.value)}; change it, or delete the word CHANGE where"
        " it is right"
        for one in blanks
        for item in getattr(loaded.scenario, one.table)[one.place : one.place + 1]
        if (one.key, one.value) in given
        and getattr(item, one.key, None) == one.value
        and not one.value.startswith("lab+")
    ]
    if mistakes:
        raise ScenarioError(*mistakes)
    return loaded


def template_names() -> list[str]:
    """The shipped scenarios with something to change."""
    return sorted(
        path.stem
        for path in shipped_folder().glob("*.toml")
        if any(_blanks(path.read_text(encoding="utf-8")))
    )


def _of_templates() -> Iterator[_Blank]:
    for path in shipped_folder().glob("*.toml"):
        yield from _blanks(path.read_text(encoding="utf-8"))


def _blanks(text: str) -> Iterator[_Blank]:
    table, places = "", Counter[str]()
    for number, line in enumerate(text.splitlines(), 1):
        header = _HEADER.match(line[:_LONGEST_LINE])
        if header is not None:
            table = header["table"]
            places[table] += 1
        marked = _MARKED.match(line[:_LONGEST_LINE])
        if marked is not None and table in {"endpoints", "egresses"}:
            value = _value_of(marked["pair"], marked["key"])
            if isinstance(value, str):
                yield _Blank(number, table, places[table] - 1, marked["key"], value)


def _value_of(pair: str, key: str) -> Any:
    try:
        return tomllib.loads(pair).get(key)
    except tomllib.TOMLDecodeError:
        return None
