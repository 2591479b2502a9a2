"""Turns plain TOML data into the scenario's structs and collects every mistake.

msgspec's own converter stops at the first mistake and knows no `--set`. This one walks the
same types (`msgspec.inspect`), so that a field of a struct is written once. What a field may
hold beyond its type is in `rules.py`.
"""

from collections.abc import Callable
from datetime import date, datetime, time
from functools import cache
from typing import Any, Final

from msgspec import Struct, inspect

from stresser.model.units import Duration, Size, shown
from stresser.scenario import field_rules as rules
from stresser.scenario.mistakes import Mistakes, Path, did_you_mean, shown_key

WRONG: Final = object()
"""Stands for a value that could not be converted; its mistake is noted."""

_UNIT_TYPES: dict[type, tuple[Callable[[str], int], str]] = {
    Duration: (Duration.parse, "s"),
    Size: (Size.parse, "B"),
}
_MOST_ITEMS = 4096
MOST_ENTRIES = 256
"""Of a table whose keys are free: headers, thresholds."""
_LONGEST_TEXT = 8192
_LARGEST = 10**18
_DEEPEST = 16


def convert(value: Any, kind: inspect.Type, path: Path, mistakes: Mistakes) -> Any:
    """The value as the type wants it, or `WRONG` with its mistakes noted."""
    return _CONVERTERS[type(kind)](value, kind, path, mistakes)


def convert_fields(
    table: dict[str, Any], cls: type[Struct], path: Path, mistakes: Mistakes
) -> dict[str, Any] | None:
    """The fields of a struct from a table; None where one of them is wrong or missing."""
    fields = {field.name: field for field in struct_type(cls).fields}
    before = len(mistakes)
    for key in table:
        if key not in fields:
            hint = "unknown key" if mistakes.is_full else rules.unknown_key(cls, key)
            mistakes.add((*path, key), hint)
    values = {}
    for name, field in fields.items():
        if name in table:
            values[name] = _field(table[name], cls, field, (*path, name), mistakes)
        elif field.required:
            mistakes.add((*path, name), f"missing; {rules.how_to_write(cls, name)}")
    good = {name: value for name, value in values.items() if value is not WRONG}
    rules.check_table(
        cls, good, values.keys(), lambda inner, text: mistakes.add((*path, *inner), text)
    )
    return good if len(mistakes) == before else None


@cache
def struct_type(cls: type[Struct]) -> inspect.StructType:
    """The fields of a struct with their types."""
    kind = inspect.type_info(cls)
    if not isinstance(kind, inspect.StructType):
        raise TypeError(f"{cls} is no struct")
    return kind


def _field(
    value: Any, cls: type[Struct], field: inspect.Field, path: Path, mistakes: Mistakes
) -> Any:
    converted = convert(value, field.type, path, mistakes)
    if converted is WRONG:
        return WRONG
    try:
        return rules.check_field(cls, field.name, converted)
    except ValueError as error:
        mistakes.add(path, str(error))
        return WRONG


def _struct(value: Any, kind: inspect.StructType, path: Path, mistakes: Mistakes) -> Any:
    if not isinstance(value, dict):
        mistakes.add(path, f"must be a table, not {describe(value)}")
        return WRONG
    fields = convert_fields(value, kind.cls, path, mistakes)
    return WRONG if fields is None else kind.cls(**fields)


def _list(value: Any, kind: inspect.ListType, path: Path, mistakes: Mistakes) -> Any:
    if not isinstance(value, list):
        of_tables = isinstance(kind.item_type, inspect.StructType)
        mend = f"; write [[{shown_key(path)}]]" if of_tables else '; write ["..."]'
        mistakes.add(path, f"must be a list, not {describe(value)}{mend}")
        return WRONG
    if len(value) > _MOST_ITEMS:
        mistakes.add(path, f"has {len(value)} items; {_MOST_ITEMS} at most")
        return WRONG
    items = [convert(item, kind.item_type, (*path, i), mistakes) for i, item in enumerate(value)]
    return WRONG if any(item is WRONG for item in items) else items


def _dict(value: Any, _: inspect.DictType, path: Path, mistakes: Mistakes) -> Any:
    if not isinstance(value, dict):
        mistakes.add(path, 'must be a table; write { NAME = "value" }')
        return WRONG
    if len(value) > MOST_ENTRIES:
        mistakes.add(path, f"has {len(value)} entries; {MOST_ENTRIES} at most")
        return WRONG
    texts = {key: _text_entry(item, key, path, mistakes) for key, item in value.items()}
    return WRONG if any(text is WRONG for text in texts.values()) else texts


def _text_entry(item: Any, key: str, path: Path, mistakes: Mistakes) -> Any:
    """A value of a dict; a bare key with a dot in it has become a table on TOML's way."""
    whole = key
    while isinstance(item, dict) and len(item) == 1:
        inner, item = next(iter(item.items()))
        whole = f"{whole}.{inner}"
    if whole != key and isinstance(item, str):
        mistakes.add((*path, key), f'put the whole key in quotes: {shown(whole)} = "..."')
        return WRONG
    if not isinstance(item, str) and mistakes.option_text((*path, key)) is None:
        mistakes.add((*path, key), "must be text in quotes")  # the value may be a secret
        return WRONG
    return _str(item, inspect.StrType(), (*path, key), mistakes)


def _str(value: Any, _: inspect.Type, path: Path, mistakes: Mistakes) -> Any:
    text = value if isinstance(value, str) else mistakes.option_text(path)
    if text is None:
        mend = f'; write "{value}"' if _is_number(value) else ""
        mistakes.add(path, f"must be text in quotes, not {describe(value)}{mend}")
        return WRONG
    if len(text) > _LONGEST_TEXT:
        mistakes.add(path, f"has {len(text)} characters; {_LONGEST_TEXT} at most")
        return WRONG
    return text


def _int(value: Any, _: inspect.Type, path: Path, mistakes: Mistakes) -> Any:
    if not isinstance(value, int) or not _is_number(value):
        mistakes.add(path, f"must be a whole number, not {describe(value)}")
        return WRONG
    return value


def _float(value: Any, _: inspect.Type, path: Path, mistakes: Mistakes) -> Any:
    if not _is_number(value):
        mistakes.add(path, f"must be a number, not {describe(value)}")
        return WRONG
    return float(value)


def _bool(value: Any, _: inspect.Type, path: Path, mistakes: Mistakes) -> Any:
    if not isinstance(value, bool):
        mistakes.add(path, f"must be true or false, not {describe(value)}")
        return WRONG
    return value


def _custom(value: Any, kind: inspect.CustomType, path: Path, mistakes: Mistakes) -> Any:
    """A duration or a size."""
    parse, unit = _UNIT_TYPES[kind.cls]
    if _is_number(value) and value >= 0:
        mistakes.add(path, f'{value} needs a unit; write "{value}{unit}"')
        return WRONG
    if not isinstance(value, str):
        mistakes.add(path, f'must be text with a unit such as "10{unit}", not {describe(value)}')
        return WRONG
    try:
        return parse(value)
    except ValueError as error:
        mistakes.add(path, str(error))
        return WRONG


def _choice(value: Any, words: list[str], path: Path, mistakes: Mistakes) -> Any:
    text = value if isinstance(value, str) else mistakes.option_text(path)
    if text in words:
        return text
    what = shown(text) if text is not None else describe(value)
    near = did_you_mean(text, words) if text is not None else ""
    choices = " or ".join(f'"{word}"' for word in words)
    mistakes.add(path, f"{what} is not one of its values{near or f'; write {choices}'}")
    return WRONG


def _enum(value: Any, kind: inspect.EnumType, path: Path, mistakes: Mistakes) -> Any:
    word = _choice(value, [member.value for member in kind.cls], path, mistakes)
    return WRONG if word is WRONG else kind.cls(word)


def _literal(value: Any, kind: inspect.LiteralType, path: Path, mistakes: Mistakes) -> Any:
    return _choice(value, [str(item) for item in kind.values], path, mistakes)


def _union(value: Any, kind: inspect.UnionType, path: Path, mistakes: Mistakes) -> Any:
    """`X | None`, which TOML cannot write; a table that `false` switches off; a number or word."""
    others = [inner for inner in kind.types if not isinstance(inner, inspect.NoneType)]
    tables = [inner for inner in others if not isinstance(inner, inspect.LiteralType)]
    if len(others) == 1:
        return convert(value, others[0], path, mistakes)
    if isinstance(tables[0], inspect.IntType):
        return _number_or_word(value, others, path, mistakes)
    if value is False:
        return False
    if not isinstance(value, dict):
        mistakes.add(path, f"must be a table or false, not {describe(value)}")
        return WRONG
    return convert(value, tables[0], path, mistakes)


def _number_or_word(value: Any, kinds: list[inspect.Type], path: Path, mistakes: Mistakes) -> Any:
    words = [w for kind in kinds if isinstance(kind, inspect.LiteralType) for w in kind.values]
    if value in words or (isinstance(value, int) and _is_number(value)):
        return value
    choices = " or ".join(f'"{word}"' for word in words)
    mistakes.add(path, f"must be a whole number or {choices}, not {describe(value)}")
    return WRONG


def _is_number(value: Any) -> bool:
    """A number within reason; to Python `true` is one, too, and so is NaN."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    return abs(value) <= _LARGEST  # false for NaN and infinity, safe for any int


def describe(value: Any) -> str:
    """A TOML value in a few words, whatever its size."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) or _is_number(value):
        return str(value)
    if isinstance(value, int):
        return "an absurdly large number"
    if isinstance(value, str):
        return shown(value, 40)
    if isinstance(value, datetime | date | time):
        return "a date or time"
    return "a table" if isinstance(value, dict) else "a list"


def _any(value: Any, _: inspect.Type, path: Path, mistakes: Mistakes) -> Any:
    """What JSON can write."""
    problem = _no_json(value)
    if problem is None:
        return value
    mistakes.add(path, f"cannot be written as JSON: {problem}")
    return WRONG


def _no_json(value: Any, depth: int = 0) -> str | None:
    if depth > _DEEPEST:
        return f"it is nested more than {_DEEPEST} deep"
    if isinstance(value, dict | list):
        inner = value.values() if isinstance(value, dict) else value
        return next((p for one in inner if (p := _no_json(one, depth + 1)) is not None), None)
    if isinstance(value, str | bool) or _is_number(value):
        return None
    return f"it holds {describe(value)}"


_CONVERTERS: dict[type[inspect.Type], Callable[..., Any]] = {
    inspect.AnyType: _any,
    inspect.StructType: _struct,
    inspect.ListType: _list,
    inspect.DictType: _dict,
    inspect.StrType: _str,
    inspect.IntType: _int,
    inspect.FloatType: _float,
    inspect.BoolType: _bool,
    inspect.CustomType: _custom,
    inspect.EnumType: _enum,
    inspect.LiteralType: _literal,
    inspect.UnionType: _union,
}
