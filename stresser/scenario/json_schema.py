"""The JSON Schema (draft 2020-12) of a scenario as its file is written.

Descriptions are the docstrings of the structs and of their fields, read from the source.
"""

import ast
import re
import sys
from collections.abc import Callable
from functools import cache
from inspect import getsource
from itertools import pairwise
from typing import Any

from msgspec import NODEFAULT, Struct, inspect

from stresser.model.units import DURATION_PATTERN, SIZE_PATTERN, Duration, Size
from stresser.scenario.convert import struct_type
from stresser.scenario.endpoint import URL_PATTERN
from stresser.scenario.field_rules import NAME_PATTERN, NAMED, RANGES
from stresser.scenario.lab_table import Middlebox
from stresser.scenario.plain import to_plain
from stresser.scenario.plan import (
    Activity,
    Before,
    Egress,
    Endpoint,
    FirstMessage,
    Reconnect,
    Record,
    Reflector,
    Scenario,
    Sessions,
    Timeouts,
    Witnesses,
)
from stresser.scenario.proxy_url import PROXY_PATTERN
from stresser.scenario.secrets import VARIABLE_PATTERN

DIALECT = "https://json-schema.org/draft/2020-12/schema"
TABLES: tuple[type[Struct], ...] = (
    Scenario,
    Sessions,
    Reconnect,
    Timeouts,
    Activity,
    Endpoint,
    Before,
    FirstMessage,
    Reflector,
    Egress,
    Middlebox,
    Record,
    Witnesses,
)
"""Every table of a scenario file, in the order of the file."""

_WITH_UNITS: dict[type, dict[str, str]] = {
    Duration: {"type": "string", "pattern": DURATION_PATTERN},
    Size: {"type": "string", "pattern": SIZE_PATTERN},
}
_PATTERNS: dict[tuple[type[Struct], str], str] = {
    (Endpoint, "url"): URL_PATTERN,
    (Reflector, "token"): VARIABLE_PATTERN,
    (Egress, "proxy"): PROXY_PATTERN,
    (Egress, "proxy_user"): VARIABLE_PATTERN,
    (Egress, "proxy_password"): VARIABLE_PATTERN,
}
_SCALARS: dict[type[inspect.Type], str] = {
    inspect.StrType: "string",
    inspect.IntType: "integer",
    inspect.FloatType: "number",
    inspect.BoolType: "boolean",
}


def scenario_schema() -> dict[str, Any]:
    """The schema of a scenario file: editors complete and check with it.

    It is laxer than stresser itself where JSON Schema has no words: ranges of durations,
    names that must differ, labels of thresholds.
    """
    schema = _table_schema(Scenario)
    activities = {**schema["properties"]["activities"], "minItems": 1}
    schema["properties"]["activities"] = activities
    schema["properties"]["endpoints"]["minItems"] = 1
    schema["properties"]["activity"] = {"$ref": "#/$defs/Activity"}
    schema["not"] = {"required": ["activity", "activities"]}
    definitions = {cls.__name__: _table_schema(cls) for cls in TABLES if cls is not Scenario}
    return {"$schema": DIALECT, "title": "stresser scenario", **schema, "$defs": definitions}


def default_of(field: inspect.Field) -> Any:
    """A field's default as a file would write it; `NODEFAULT` for a required one."""
    if field.default_factory is not NODEFAULT:
        return to_plain(field.default_factory())
    return field.default if field.default is NODEFAULT else to_plain(field.default)


@cache
def field_docs(cls: type[Struct]) -> dict[str, str]:
    """The text under each field of a struct, those of its bases included."""
    docs: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        if issubclass(base, Struct) and base.__module__.startswith("stresser."):
            docs.update(_docs_in(ast.parse(getsource(sys.modules[base.__module__])), base.__name__))
    return docs


def _docs_in(module: ast.Module, name: str) -> dict[str, str]:
    docs: dict[str, str] = {}
    for node in module.body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            for field, text in pairwise(node.body):
                docs.update(_doc_of(field, text))
    return docs


def _doc_of(field: ast.stmt, text: ast.stmt) -> dict[str, str]:
    if not isinstance(field, ast.AnnAssign) or not isinstance(field.target, ast.Name):
        return {}
    if not isinstance(text, ast.Expr) or not isinstance(text.value, ast.Constant):
        return {}
    return {field.target.id: re.sub(r"\s+", " ", str(text.value.value)).strip()}


def _table_schema(cls: type[Struct]) -> dict[str, Any]:
    fields = struct_type(cls).fields
    properties = {field.name: _field_schema(cls, field) for field in fields}
    describe_properties(cls, properties)
    return {
        "type": "object",
        "description": re.sub(r"\s+", " ", cls.__doc__ or "").strip(),
        "properties": properties,
        "required": [field.name for field in fields if field.required],
        "additionalProperties": False,
    }


def describe_properties(cls: type[Struct], properties: dict[str, Any]) -> None:
    """Add the text under each field to its schema."""
    for name, text in field_docs(cls).items():
        if name in properties:
            properties[name] = {**properties[name], "description": text}


def _field_schema(cls: type[Struct], field: inspect.Field) -> dict[str, Any]:
    schema = _type_schema(field.type)
    if field.name == "name" and cls in NAMED:
        schema["pattern"] = f"^{NAME_PATTERN}$"
    if (cls, field.name) in _PATTERNS:
        schema["pattern"] = _PATTERNS[cls, field.name]
    for number in schema.get("anyOf", [schema]):
        if (cls, field.name) in RANGES and number.get("type") in {"integer", "number"}:
            number["minimum"], number["maximum"] = RANGES[cls, field.name]
    default = default_of(field)
    if default is not NODEFAULT and default is not None and default != "":
        schema["default"] = default
    return schema


def _type_schema(kind: inspect.Type) -> dict[str, Any]:
    make = _SCHEMAS.get(type(kind))
    return {"type": _SCALARS[type(kind)]} if make is None else make(kind)


def _union_schema(kind: inspect.UnionType) -> dict[str, Any]:
    """TOML has no null: `X | None` is X, left out or not."""
    others = [_type_schema(one) for one in kind.types if not isinstance(one, inspect.NoneType)]
    return others[0] if len(others) == 1 else {"anyOf": others}


_SCHEMAS: dict[type[inspect.Type], Callable[[Any], dict[str, Any]]] = {
    inspect.AnyType: lambda _: {},
    inspect.StructType: lambda kind: {"$ref": f"#/$defs/{kind.cls.__name__}"},
    inspect.CustomType: lambda kind: dict(_WITH_UNITS[kind.cls]),
    inspect.ListType: lambda kind: {"type": "array", "items": _type_schema(kind.item_type)},
    inspect.DictType: lambda kind: {
        "type": "object",
        "additionalProperties": _type_schema(kind.value_type),
    },
    inspect.EnumType: lambda kind: {"enum": [member.value for member in kind.cls]},
    inspect.LiteralType: lambda kind: {"enum": list(kind.values)},
    inspect.UnionType: _union_schema,
}
