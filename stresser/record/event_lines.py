"""How an event becomes a line of `events.jsonl`, and a line an event.

A line is flat: the fields of an ending stand among those of its event. Here alone is the flat
form known; `flat_types` is what `stresser schema events` describes.

Lines of version 0.1 are read as well: their evidence had other parts (two of it are in the ending
today), and what an ending counts as was derived by each reader for itself. A part of the evidence
that is not as its type says is left out; the rest of the line stands.
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from functools import reduce
from operator import or_
from typing import Any, cast, get_args

import msgspec
from msgspec import NODEFAULT, Struct, defstruct, structs

from stresser.classify.standing import DERIVED, make_ending
from stresser.model.ending import Ending, Proof
from stresser.model.events import AnyEvent, AttemptFailed, Ended, SessionEnded
from stresser.model.evidence import Evidence

_ENDED: tuple[type[Ended], ...] = (AttemptFailed, SessionEnded)
_ENDING_FIELDS = Ending.__struct_fields__


def event_tag(event_type: type[Struct]) -> str:
    """The value of `event` in its lines."""
    return str(event_type.__struct_config__.tag)


def _flat(event_type: type[Ended]) -> type[Struct]:
    """The same event with its ending's fields in place of `ending`."""
    fields: list[Any] = []
    for field in structs.fields(event_type):
        fields += structs.fields(Ending) if field.name == "ending" else [field]
    return defstruct(
        event_type.__name__,
        [_definition(field) for field in fields],
        tag_field="event",
        tag=event_tag(event_type),
        kw_only=True,
        omit_defaults=True,
        module=__name__,
    )


def _definition(field: structs.FieldInfo) -> Any:
    if field.default is not NODEFAULT:
        return (field.name, field.type, field.default)
    if field.default_factory is not NODEFAULT:
        return (field.name, field.type, msgspec.field(default_factory=field.default_factory))
    return (field.name, field.type)


_FLAT = {event_type: _flat(event_type) for event_type in _ENDED}
_NESTED = {flat: event_type for event_type, flat in _FLAT.items()}
_OWN_FIELDS = {
    event_type: tuple(name for name in event_type.__struct_fields__ if name != "ending")
    for event_type in _ENDED
}
flat_types: tuple[type[Struct], ...] = tuple(_FLAT.get(one, one) for one in get_args(AnyEvent))
"""What a line may hold, in the order of `AnyEvent`."""
_ENDED_TAGS = {event_tag(event_type): event_type for event_type in _ENDED}
_encode = msgspec.json.Encoder().encode
_decode: Any = msgspec.json.Decoder(reduce(or_, flat_types)).decode
_MALFORMED = (msgspec.MsgspecError, ValueError, RecursionError)


def event_as_line(event: AnyEvent) -> bytes:
    """The event as one line, without its newline.

    Raises:
        TypeError, ValueError, RecursionError: a field is not what its type says.
    """
    return _encode(flattened(event))


def flattened(event: AnyEvent) -> Struct:
    """The event with its ending's fields among its own."""
    if not isinstance(event, Ended):
        return event
    fields = {name: getattr(event, name) for name in _OWN_FIELDS[type(event)]}
    fields |= {name: getattr(event.ending, name) for name in _ENDING_FIELDS}
    return _FLAT[type(event)](**fields)


_OLD_NAMES = {
    "fresh_connections": "looks", "origin": "provenance", "sibling": "neighbour",
}  # fmt: skip
"""Of parts of the evidence, before 0.2.0 was released."""
_HAS_OLD_NAMES = re.compile(rb'"(?:looks|provenance|neighbour)":').search


def event_of_line(line: bytes) -> AnyEvent:
    """The event in a line.

    Raises:
        msgspec.MsgspecError, ValueError, RecursionError: it holds none that this version knows.
    """
    try:
        flat = _decode(line)
    except msgspec.ValidationError:
        return _decode_leniently(line)
    if type(flat) in _NESTED and _HAS_OLD_NAMES(line):
        return _decode_leniently(line)
    event_type = _NESTED.get(type(flat))
    if event_type is None:
        return cast("AnyEvent", flat)
    ending = Ending(**{name: getattr(flat, name) for name in _ENDING_FIELDS})
    own = {name: getattr(flat, name) for name in _OWN_FIELDS[event_type]}
    return cast("AnyEvent", event_type(ending=ending, **own))


def _decode_leniently(line: bytes) -> AnyEvent:
    """An ending of an older version, or one whose evidence is damaged."""
    fields = msgspec.json.decode(line, type=dict[str, Any])
    event_type = _ENDED_TAGS.get(str(fields.get("event")))
    if event_type is None:
        raise ValueError("no event that this version knows")
    evidence = _readable_evidence(fields.pop("evidence", None))
    is_old = "is_drop" not in fields
    flat: Any = msgspec.convert({"is_drop": False, **fields}, _FLAT[event_type])
    own = {name: getattr(flat, name) for name in _OWN_FIELDS[event_type]}
    facts = {name: getattr(flat, name) for name in _ENDING_FIELDS} | {"evidence": evidence}
    if is_old:
        facts = {name: value for name, value in facts.items() if name not in DERIVED}
        facts["proved"] = Proof.ALIVE if evidence.close == "answered" else None
    ending = make_ending(**facts) if is_old else Ending(**facts)
    return cast("AnyEvent", event_type(ending=ending, **own))


def _readable_evidence(recorded: Any) -> Evidence:
    parts = {}
    for field in structs.fields(Evidence) if isinstance(recorded, Mapping) else ():
        for name in (_OLD_NAMES.get(field.name), field.name):
            if name in recorded:
                with suppress(*_MALFORMED):
                    parts[field.name] = msgspec.convert(recorded[name], field.type)
    return Evidence(**parts)
