"""What all events have: when, by two clocks."""

from msgspec import Struct

from stresser.model.bounds import Whole


class Event(Struct, kw_only=True, tag_field="event", omit_defaults=True):
    """Fields common to all events."""

    t_ns: Whole
    """Whole since the run began, monotonic."""
    utc: str
    """The same moment in UTC, ISO 8601 with microseconds, from the run's one wall-clock anchor."""
