"""A vendor's allowlist file: its bytes become an `Allowlist`, or one line that says why not.

Version 1 is an object of sections, each maybe with an `AllowList` of bare names; version 2 is read
in `allowlist_walk.py`. Which it is, its content shows. The file is hostile: bounded in size, depth
and number of values, and nothing in it is evaluated.
"""

import json
from itertools import chain
from typing import Any

from stresser.citrix.allowlist import Allowlist, AllowlistError, Collector, Form
from stresser.citrix.allowlist_terms import LONGEST_TEXT, Terms
from stresser.citrix.allowlist_walk import JsonObject, has_zscaler_form, walk_version_2
from stresser.model.units import escaped

LARGEST_FILE = 4 << 20
"""Bytes."""

_LIST_KEY = "allowlist"
_FEW_KEYS = 5


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
    collector = Collector(_form_of(tree), customer, name)
    if isinstance(tree, JsonObject) and collector.found.form is Form.VERSION_1:
        _read_sections(tree, collector)
    else:
        walk_version_2(tree, collector)
        collector.found.sections = _services(collector.found)
    if collector.found.is_empty:
        raise AllowlistError(f"{name}: {_why_empty(tree, collector.found)}")
    return collector.found


def _form_of(tree: Any) -> Form:
    if isinstance(tree, JsonObject) and any(
        isinstance(items, list) and any(isinstance(item, str) for item in items)
        for _, section in tree.members
        for items in _lists_of(section)
    ):
        return Form.VERSION_1
    return Form.ZSCALER if has_zscaler_form(tree) else Form.JSON


def _services(found: Allowlist) -> int:
    lists = (found.names, found.wildcards, found.networks, found.inbound)
    return len({one.section for listed in chain(*lists) for one in listed.terms})


def _why_empty(tree: Any, found: Allowlist) -> str:
    """The first thing in it that was not understood, or its keys: an error page has others."""
    members = tree.members[:_FEW_KEYS] if isinstance(tree, JsonObject) else []
    keys = [escaped(key, LONGEST_TEXT) for key, _ in members]
    under = f" under {', '.join(keys)}" if keys else ""
    first = f" ({found.not_understood[0]})" if found.not_understood else ""
    return (
        f"holds no host name, wildcard or network{under}{first}; fetch it again: "
        "`stresser citrix --customer ID --address` prints the address"
    )


def _parsed(data: bytes, name: str) -> Any:
    problem = _problem_of(data)
    if problem is None:
        try:
            return json.loads(data.decode("utf-8-sig"), object_pairs_hook=JsonObject)
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
    if not isinstance(section, JsonObject):
        return []
    return [value for key, value in section.members if key.lower() == _LIST_KEY]


def _read_sections(tree: JsonObject, collector: Collector) -> None:
    for key, section in tree.members:
        collector.count()
        if not isinstance(section, JsonObject):
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
    terms = Terms(section=escaped(section, LONGEST_TEXT))
    for place, item in enumerate(items):
        collector.count()
        if isinstance(item, str):
            collector.take(item, (*path, place), terms)
        elif item is None:
            collector.blank()
        else:
            collector.not_understood((*path, place), "is not text")
