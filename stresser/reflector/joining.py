"""Joins a run with a reflector's record of it: which session was which, and what its clock said."""

from datetime import datetime
from typing import NamedTuple

from stresser.model.errors import RunFolderError
from stresser.model.events import FarEndSeen, SessionEnded, SessionOpened
from stresser.model.units import NS_PER_S
from stresser.record.far_record import FarRecord
from stresser.record.folder import shown_path
from stresser.record.reader import RecordedRun


class Joined(NamedTuple):
    """What came of it."""

    seen: list[FarEndSeen]
    sessions: int
    """Sessions of the run that ended."""
    within_ns: int
    """How far the two clocks may be apart after alignment, at the worst."""


def both_ends_of(run: RecordedRun, reflector: RecordedRun) -> Joined:
    """What the reflector saw of each session of the run that has ended.

    Raises:
        RunFolderError: a folder cannot be read, or the two have no session in common.
    """
    run_id = None if run.manifest is None else run.manifest.run_id
    if run_id is None:
        raise RunFolderError(f"{shown_path(run.path)}: the run has no run_id in its manifest")
    far = FarRecord(run_id)
    for event in reflector.events():
        far.event(event)
    if not far.opened:
        raise RunFolderError(
            f"{shown_path(reflector.path)}: no session of {shown_path(run.path)} named itself to"
            " this reflector: is its endpoint's reflector token the reflector's own?"
        )
    far.until_ns = max(far.until_ns, _last_sign_ns(reflector))
    ended = _ended_sessions(run, far)
    seen = [told for event in ended if (told := far.seen(event)) is not None]
    return Joined(seen, len(ended), max((one.far_end.within_ns for one in seen), default=0))


def _last_sign_ns(reflector: RecordedRun) -> int:
    """A night in which nobody comes or goes has no events, and is known all the same."""
    sign, anchor_ns = reflector.last_sign(), reflector.anchor_unix_ns
    if sign is None or anchor_ns is None:
        return 0
    try:
        return round(datetime.fromisoformat(sign.utc).timestamp() * NS_PER_S) - anchor_ns
    except (ValueError, OverflowError, OSError):
        return 0


def _ended_sessions(run: RecordedRun, far: FarRecord) -> list[SessionEnded]:
    ended = []
    for event in run.events():
        if isinstance(event, SessionOpened):
            far.opened_here(event)
        elif isinstance(event, SessionEnded):
            ended.append(event)
    return ended
