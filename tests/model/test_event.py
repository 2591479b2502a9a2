"""What all events have in common."""

from typing import get_args

import msgspec

from stresser.model.event import Event
from stresser.model.events import AnyEvent


def test_each_event_says_when_and_which_it_is():
    tags = [one.__struct_config__.tag for one in get_args(AnyEvent)]
    assert len(set(tags)) == len(tags)
    for one in get_args(AnyEvent):
        assert issubclass(one, Event)
        assert one.__struct_config__.tag_field == "event"
        assert {"t_ns", "utc"} <= set(one.__struct_fields__)


def test_what_has_its_default_is_not_written():
    class Bare(Event, kw_only=True, tag="bare"):
        more: int = 7

    written = msgspec.json.encode(Bare(t_ns=1, utc="u"))
    assert written == b'{"event":"bare","t_ns":1,"utc":"u"}'
