"""`far_ends.jsonl`: what a reflector recorded of this run's sessions, one event a line.

`stresser join` writes it; whoever reads the run's events sees endings judged by both ends.
"""

from collections.abc import Iterable, Iterator, Mapping

from msgspec.structs import replace

from stresser.classify.reflector_rules import judged_by_both_ends
from stresser.model.events import AnyEvent, FarEndSeen, SessionEnded
from stresser.model.far_end import FarEnd
from stresser.record.atomic_write import write_atomically
from stresser.record.events_file import EventsReader, encode_event
from stresser.record.folder import RunFolder

_MOST = 1_000_000
"""Sessions of a run; more are not remembered."""


def with_far_ends(events: Iterable[AnyEvent], far_ends: EventsReader) -> Iterator[AnyEvent]:
    """The events of a run, with the far end's account in each ending that has one.

    Raises:
        RunFolderError: a file cannot be read.
    """
    known = _known(far_ends)
    for event in events:
        yield _with_far_end(event, known) if isinstance(event, SessionEnded) else event


def _with_far_end(event: SessionEnded, known: Mapping[int, FarEnd]) -> SessionEnded:
    far = known.get(event.session)
    if far is None:
        return event
    return replace(event, ending=judged_by_both_ends(event.ending, far))


def write_far_ends(folder: RunFolder, seen: Iterable[FarEndSeen]) -> None:
    """Replace what was joined before.

    Raises:
        RunFolderError: it cannot be written.
    """
    write_atomically(folder.far_ends, b"".join(encode_event(one) for one in seen))


def _known(far_ends: EventsReader) -> Mapping[int, FarEnd]:
    if not far_ends.path.exists():
        return {}
    known: dict[int, FarEnd] = {}
    for event in far_ends:
        if isinstance(event, FarEndSeen) and len(known) < _MOST:
            known[event.session] = event.far_end
    return known
