"""A made-up run whose far ends are known: of three drops and one session that was closed."""

from pathlib import Path

from stresser.model.ending import Kind
from stresser.model.events import FarEndSeen, SessionEnded
from stresser.model.far_end import FarEnd
from stresser.record.far_ends import write_far_ends
from stresser.record.reader import RecordedRun, open_run
from tests.analysis.story import idle_kill_story

MS, S = 10**6, 10**9


def both_ends_run(path: Path, seen_as: str = "203.0.113.9:40001") -> RecordedRun:
    run = idle_kill_story().recorded(path)
    ended = [event for event in run.events() if isinstance(event, SessionEnded)]
    drops = [event for event in ended if event.ending.is_drop][:3]
    lived = next(event for event in ended if event.ending.planned)

    def seen(event: SessionEnded, kind: Kind | None, later_ns: int) -> FarEndSeen:
        at_ns = event.ending.dead_by_ns + later_ns
        far = FarEnd(
            within_ns=MS, kind=kind, at_ns=None if kind is None else at_ns, known_until_ns=at_ns,
            peer=seen_as,
        )  # fmt: skip
        return FarEndSeen(t_ns=event.t_ns, utc=event.utc, session=event.session, far_end=far)

    same, later, held = drops
    told = [
        seen(lived, Kind.WS_CLOSE, 0), seen(same, Kind.TCP_RESET, 0),
        seen(later, Kind.TCP_FIN, 9 * S), seen(held, None, 30 * S),
    ]  # fmt: skip
    write_far_ends(run.folder, told)
    return open_run(path)
