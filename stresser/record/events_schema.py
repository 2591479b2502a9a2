"""The JSON Schema (draft 2020-12) of one line of `events.jsonl`.

Descriptions are the docstrings of the structs and of their fields, read from the source.
"""

from functools import reduce
from operator import or_
from typing import Any

import msgspec
from msgspec import Struct

from stresser.model import chain, events, evidence, fresh_connection, hops, packet
from stresser.model.ending import Ending
from stresser.model.events import Ended
from stresser.record.event_lines import flat_types
from stresser.scenario.json_schema import DIALECT, describe_properties

_DESCRIBED = (chain, events, evidence, fresh_connection, hops, packet)


def events_schema() -> dict[str, Any]:
    """The schema: a line holds one of these objects, distinguished by `event`."""
    line: Any = reduce(or_, flat_types)
    schema = msgspec.json.schema(line)
    for name, definition in schema.get("$defs", {}).items():
        for cls in _structs_named(name):
            if issubclass(cls, Ended):
                describe_properties(Ending, definition["properties"])
            describe_properties(cls, definition["properties"])
    return {"$schema": DIALECT, "title": "one line of events.jsonl", **schema}


def _structs_named(name: str) -> list[type[Struct]]:
    found = (getattr(module, name, None) for module in _DESCRIBED)
    return [cls for cls in found if isinstance(cls, type) and issubclass(cls, Struct)]
