"""Scenario data as plain dicts, lists, texts and numbers, as a scenario file writes them."""

from enum import Enum
from typing import Any

from msgspec import Struct

from stresser.model.units import Duration, Size


def to_plain(value: Any) -> Any:
    """Structs become dicts, durations and sizes their texts (`"1m30s"`), None is left out."""
    if isinstance(value, Struct):
        fields = {name: getattr(value, name) for name in value.__struct_fields__}
        return {name: to_plain(item) for name, item in fields.items() if item is not None}
    if isinstance(value, Duration | Size):
        return value.written()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, dict):
        return {key: to_plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [to_plain(item) for item in value]
    return value
