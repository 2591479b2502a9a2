"""The JSON Schema (draft 2020-12) of `summary.json`.

Descriptions are the docstrings of the structs and of their fields, read from the source.
"""

from collections.abc import Iterator
from typing import Any, get_args, get_type_hints

import msgspec
from msgspec import Struct

from stresser.analysis.summary.summary import Summary
from stresser.scenario.json_schema import DIALECT, describe_properties


def summary_schema() -> dict[str, Any]:
    """The schema, of a run's own summary and of `joined.json`."""
    schema = msgspec.json.schema(Summary)
    for cls in _structs_in(Summary, set()):
        for base in reversed(cls.__mro__):
            if issubclass(base, Struct) and base is not Struct:
                describe_properties(base, schema["$defs"][cls.__name__]["properties"])
    return {"$schema": DIALECT, "title": "summary.json", **schema}


def _structs_in(kind: Any, seen: set[type[Struct]]) -> Iterator[type[Struct]]:
    """Those that values of a type hold, each once."""
    for part in get_args(kind):
        yield from _structs_in(part, seen)
    if isinstance(kind, type) and issubclass(kind, Struct) and kind not in seen:
        seen.add(kind)
        yield kind
        for hint in get_type_hints(kind).values():
            yield from _structs_in(hint, seen)
