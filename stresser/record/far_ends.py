"""`far_ends.jsonl`: what a reflector recorded of this run's sessions, one event a line.

The recorder appends to it what control sessions tell while the run goes on, and `stresser join`
adds what is in a reflector's folder. Of several lines on one session the last counts. Whoever reads
the run's events sees endings judged by both ends.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from msgspec.structs import replace

from stresser.classify.reflector_rules import judged_by_both_ends
from stresser.model.events import AnyEvent, FarEndSeen, SessionEnded
from stresser.model.far_end import FarEnd
from stresser.record.atomic_write import write_atomically
from stresser.record.events_file import EventsReader, encode_event
from stresser.record.folder import RunFolder
from stresser.record.worker_folders import folders_of

_MOST = 2_000_000
"""Lines; more are not read."""


def with_far_ends(events: Iterable[AnyEvent], told: Iterable[FarEndSeen]) -> Iterator[AnyEvent]:
    """The events of a run, with the far end's account in each ending that has one.

    Raises:
        RunFolderError: a file cannot be read.
    """
    known = {one.session: one.far_end for one in islice(told, _MOST)}
    for event in events:
        yield _with_far_end(event, known) if isinstance(event, SessionEnded) else event


def _with_far_end(event: SessionEnded, known: Mapping[int, FarEnd]) -> SessionEnded:
    far = known.get(event.session)
    if far is None:
        return event
    return replace(event, ending=judged_by_both_ends(event.ending, far))


def write_far_ends(folder: RunFolder, seen: Iterable[FarEndSeen]) -> None:
    """Add to what is known; see `joined_far_end`.

    Raises:
        RunFolderError: what is known cannot be read.
        OSError: it cannot be written.
    """
    known = {one.session: one for one in islice(_recorded(folder), _MOST)}
    for one in seen:
        before = known.get(one.session)
        far = one.far_end if before is None else joined_far_end(before.far_end, one.far_end)
        known[one.session] = replace(one, far_end=far)
    write_atomically(folder.far_ends, b"".join(encode_event(one) for one in known.values()))


def joined_far_end(known: FarEnd, new: FarEnd) -> FarEnd:
    """One session's, of which more is known now.

    What had passed when this end gave it up is known from then alone: a reflector's folder says
    what had passed at the session's end there.
    """
    if known.kind is not None:
        return known
    if known.last_in_ns is None:
        return replace(new, **_counted(known))
    return replace(
        new,
        **_counted(known),
        within_ns=max(known.within_ns, new.within_ns),
        bytes_received=known.bytes_received,
        bytes_sent=known.bytes_sent,
        last_in_ns=known.last_in_ns,
        last_out_ns=known.last_out_ns,
        unacked=known.unacked,
    )


def _counted(known: FarEnd) -> dict[str, Any]:
    """What is known from both ends together, while the session is held, and from nothing else."""
    return {name: getattr(known, name) for name in ("there", "back", "varied_there", "varied_back")}


def _recorded(folder: RunFolder) -> Iterator[FarEndSeen]:
    """Of all processes; what the run's own folder has was written last."""
    for one in reversed(folders_of(folder)):
        if one.far_ends.exists():
            yield from far_ends_in(EventsReader(one.far_ends))


def far_ends_in(events: Iterable[AnyEvent]) -> Iterator[FarEndSeen]:
    """Of the lines of such a file those that belong there."""
    return (event for event in events if isinstance(event, FarEndSeen))
