"""A vendor's allowlist file: its bytes become an `Allowlist`, or one line that says why not.

Version 1 is an object of sections, each maybe with an `AllowList` of bare names. The body of
version 2 (the Connectivity AllowList API, also in its Zscaler form) is documented nowhere: it is
walked, and what is plainly a host name or a network is taken; the rest is reported.
The file is hostile: bounded in size, depth and number of values, and nothing in it is evaluated.
"""

import json
import re
from typing import Any, NamedTuple

from stresser.citrix.allowlist import Allowlist, AllowlistError, Collector
from stresser.model.units import escaped, shown
from stresser.scenario.mistakes import Path

LARGEST_FILE = 4 << 20
"""Bytes."""

_DEEPEST = 32
_LIST_KEY = "allowlist"
_NAMING_KEY = re.compile(
    r"(?:allowlist|fqdn|domain(?:name)?|host(?:name)?|url|endpoint|destination|addresse?"
    r"|ip(?:v4|v6)?(?:addresse?|range)?|cidr|subnet)s?"
)
"""Without `_` and `-`, in lower case: what stands under one of these says that it is an entry."""
_TELLS_OTHERWISE = ("change", "remov", "deprecat", "exclu", "block", "deny")
"""Under a key with one of these in it, a name is not one that must be reached."""
_INBOUND = frozenset({"inbound", "ingress"})


class _Object(NamedTuple):
    """A JSON object with all its members: a key that stands twice is no reason to lose names."""

    members: list[tuple[str, Any]]


def read_allowlist(data: bytes, filename: str, customer: str) -> Allowlist:
    """Read a file of either version.

    Args:
        data: the file's bytes; one more than `LARGEST_FILE` is enough to refuse it.
        filename: for the messages.
        customer: takes the place of `<CUSTOMER_ID>`; checked by `check_customer`.

    Raises:
        AllowlistError: one line: it is too large, no JSON, or holds no entry at all.
    """
    name = escaped(filename)
    tree = _parsed(data, name)
    if isinstance(tree, _Object) and any(_lists_of(value) for _, value in tree.members):
        collector = Collector(1, customer, name)
        _read_sections(tree, collector)
    else:
        collector = Collector(2, customer, name)
        collector.found.sections = len(tree.members) if isinstance(tree, _Object) else 0
        _walk(tree, (), collector, is_inbound=False)
    if collector.found.is_empty:
        raise AllowlistError(
            f"{name}: holds no host name, wildcard or network; "
            "is it the vendor's allowlist.json, or an error page saved under its name?"
        )
    return collector.found


def _parsed(data: bytes, name: str) -> Any:
    problem = _problem_of(data)
    if problem is None:
        try:
            return json.loads(data.decode("utf-8-sig"), object_pairs_hook=_Object)
        except UnicodeDecodeError:
            problem = "is not UTF-8 text; download the vendor's allowlist.json again"
        except json.JSONDecodeError as error:
            place = f"line {error.lineno}, column {error.colno}"
            problem = f"{place}: not JSON: {escaped(error.msg)}; download the file again"
        except RecursionError:
            problem = "lists or objects are nested too deeply; that is no allowlist"
        except ValueError:  # int() of more digits than Python reads
            problem = "a number in it is absurdly long; that is no allowlist"
    raise AllowlistError(f"{name}: {problem}")


def _problem_of(data: bytes) -> str | None:
    if len(data) > LARGEST_FILE:
        return f"has more than {LARGEST_FILE >> 20} MiB; the vendor's allowlist has some KiB"
    if not data.strip():
        return "is empty; download the vendor's allowlist.json again"
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "is UTF-16 text; save it as UTF-8 (curl -o FILE, not a redirection of PowerShell)"
    return None


def _lists_of(section: Any) -> list[Any]:
    """The values of a section's `AllowList` keys, however they are spelt."""
    if not isinstance(section, _Object):
        return []
    return [value for key, value in section.members if key.lower() == _LIST_KEY]


def _read_sections(tree: _Object, collector: Collector) -> None:
    for key, section in tree.members:
        collector.count()
        if not isinstance(section, _Object):
            collector.ignore(key)
            continue
        for other, _ in section.members:
            if other.lower() != _LIST_KEY:
                collector.ignore(other)
        lists = _lists_of(section)
        if lists:
            collector.found.sections += 1
        else:
            collector.section_without_list(key)
        for items in lists:
            _read_list(items, key, collector)


def _read_list(items: Any, section: str, collector: Collector) -> None:
    path = (section, "AllowList")
    if not isinstance(items, list):
        collector.not_understood(path, "is not a list")
        return
    for place, item in enumerate(items):
        collector.count()
        if isinstance(item, str):
            collector.take(item, (*path, place), section)
        elif item is None:
            collector.blank()
        else:
            collector.not_understood((*path, place), "is not text")


def _walk(value: Any, path: Path, collector: Collector, *, is_inbound: bool) -> None:
    collector.count()
    if len(path) > _DEEPEST:
        collector.not_understood(path[:3], "is nested too deeply")
    elif isinstance(value, _Object):
        is_inbound = is_inbound or _says_inbound(value)
        for key, inner in value.members:
            if any(word in key.lower() for word in _TELLS_OTHERWISE):
                collector.ignore(key)
            else:
                here = is_inbound or key.lower() in _INBOUND
                _walk(inner, (*path, key), collector, is_inbound=here)
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            _walk(inner, (*path, place), collector, is_inbound=is_inbound)
    else:
        _leaf(value, path, collector, is_inbound=is_inbound)


def _says_inbound(value: _Object) -> bool:
    return any(
        key.lower() == "direction" and isinstance(said, str) and said.lower() in _INBOUND
        for key, said in value.members
    )


def _leaf(value: Any, path: Path, collector: Collector, *, is_inbound: bool) -> None:
    key = next((part for part in reversed(path) if isinstance(part, str)), "")
    is_named = _NAMING_KEY.fullmatch(re.sub(r"[_-]", "", key.lower())) is not None
    if is_named and isinstance(value, str):
        collector.take(value, path, key, is_inbound=is_inbound)
    elif is_named and value is not None:
        collector.not_understood(path, "is not text")
    elif isinstance(value, str):
        _unnamed_text(value, path, key, collector, is_inbound=is_inbound)
    else:
        collector.ignore(key)


def _unnamed_text(
    text: str, path: Path, key: str, collector: Collector, *, is_inbound: bool
) -> None:
    """A text whose key does not say what it is: an item of a list is taken if it is plain."""
    try:
        entry = collector.read(text)
    except ValueError:
        entry = None
    if entry is None:
        collector.ignore(key)
    elif path and isinstance(path[-1], int):
        collector.keep(entry, key, is_inbound=is_inbound)
    else:
        collector.not_understood(
            path, f"{shown(text)} looks like an entry, but its key does not say that it is one"
        )
