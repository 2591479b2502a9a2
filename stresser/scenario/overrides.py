"""`--set KEY=VALUE`: finds the place that a key names in a scenario's data and writes there.

KEY is a TOML key path. An item of a list is named by its `name` or its place, from 0:
`endpoints.broker.url`, `endpoints[0].url`, `thresholds."tls.p99{egress=vpn}"`.
"""

import re
import tomllib
from typing import Any

from stresser.model.units import shown
from stresser.scenario.mistakes import Mistakes, Path

_LONGEST = 8192
_MOST_PARTS = 16
_PART = re.compile(r"""\s*(?:"([^"]*)"|'([^']*)'|\[([0-9]{1,4})\]|([A-Za-z0-9_-]+))\s*""")
_UP_TO_EQUALS = re.compile(r"""((?:"[^"]*"|'[^']*'|[^"'=])*)=(.*)""", re.DOTALL)
_LISTS = {"endpoints": "endpoint", "egresses": "egress", "activities": "activity"}


def split_assignment(text: str) -> tuple[str, str]:
    """`KEY=VALUE` in two, at the first `=` outside quotes.

    Raises:
        ValueError: with one sentence.
    """
    match = _UP_TO_EQUALS.fullmatch(text[:_LONGEST])
    if match is None or not match[1].strip():
        raise ValueError(f"{shown(text)} is not KEY=VALUE; write for example sessions.count=20")
    return match[1].strip(), match[2].strip()


def apply_override(tree: dict[str, Any], key: str, text: str, mistakes: Mistakes) -> None:
    """Writes one value into the tree, or notes why it cannot be written."""
    try:
        parts = _parts_of(key)
        path, holder, made = _descend(tree, parts)
        last = _step(holder, parts[-1], path)
    except _NowhereError as error:
        mistakes.add_option(key, str(error))
        return
    for table in made:
        mistakes.set_by_option(table, key, text)
    holder[last] = _value_of(text)
    mistakes.set_by_option((*path, last), key, text)


class _NowhereError(Exception):
    """The key leads nowhere; the text says why."""


def _parts_of(key: str) -> list[str | int]:
    parts: list[str | int] = []
    at = 0
    while True:
        match = _PART.match(key, at) if len(key) <= _LONGEST else None
        if match is None or len(parts) == _MOST_PARTS:
            raise _NowhereError(
                "is not a key; write for example sessions.count or endpoints.NAME.url"
            )
        double, single, index, bare = match.groups()
        parts.append(
            int(index)
            if index is not None
            else next(text for text in (double, single, bare) if text is not None)
        )
        at = match.end()
        if at == len(key):
            return parts
        if key[at] == ".":
            at += 1
        elif key[at] != "[":
            raise _NowhereError(
                "is not a key; quote a part that holds more than letters and digits"
            )


def _descend(tree: dict[str, Any], parts: list[str | int]) -> tuple[Path, Any, list[Path]]:
    """The table or list that holds the last part, and the missing tables that were made."""
    holder: Any = tree
    path: Path = ()
    made: list[Path] = []
    for part in parts[:-1]:
        step = _step(holder, part, path)
        if isinstance(holder, dict) and step not in holder:
            _refuse_new_list(step, path)
            holder[step] = {}
            made.append((*path, step))
        holder = holder[step]
        path = (*path, step)
        if not isinstance(holder, dict | list):
            raise _NowhereError(f"{shown(str(part))} holds a value, not a table")
    return path, holder, made


def _step(holder: Any, part: str | int, path: Path) -> str | int:
    if isinstance(holder, dict):
        if isinstance(part, int):
            raise _NowhereError(f"[{part}] stands where a table is, not a list")
        return part
    if isinstance(part, str) and not part.isdecimal():
        return _index_by_name(holder, part, path)
    index = int(part)
    if index >= len(holder):
        raise _NowhereError(f"there is no item {index}; the first is 0, the last {len(holder) - 1}")
    return index


def _index_by_name(items: list[Any], name: str, path: Path) -> int:
    names = [item.get("name") if isinstance(item, dict) else None for item in items]
    if name in names:
        return names.index(name)
    what = _LISTS.get(str(path[-1]), "item") if path else "item"
    known = ", ".join(shown(text) for text in names[:20] if isinstance(text, str))
    raise _NowhereError(f"there is no {what} {shown(name)}{f'; there is {known}' if known else ''}")


def _refuse_new_list(step: str | int, path: Path) -> None:
    if not path and step in _LISTS:
        raise _NowhereError(f"the file has no [[{step}]]; an option changes one, it adds none")


def _value_of(text: str) -> Any:
    """A TOML value, or else the text itself."""
    try:
        parsed = tomllib.loads(f"value = {text[:_LONGEST]}")
    except (ValueError, RecursionError):
        return text
    return parsed["value"] if len(parsed) == 1 else text
