"""What a reflector said, in any order in which it can come, on the run's clock."""

import pytest
from msgspec.structs import replace

from stresser.model.events import ReflectionHeld
from stresser.record.far_record import FarRecord
from stresser.statistics.clock_alignment import OffsetBound
from tests.record.sample_events import session_ended, utc_of
from tests.reflector.test_joining import AHEAD, MS, RUN, S, opened, there_ended, there_opened

ENDED = session_ended(session=103, attempt=3)  # dead by 1.5 s


def held(attempt, t_ns, last_in_ns, run=RUN):
    return ReflectionHeld(
        t_ns=t_ns + AHEAD, utc=utc_of(t_ns), number=1, run=run, attempt=attempt,
        bytes_received=5, last_in_ns=last_in_ns + AHEAD,
    )  # fmt: skip


@pytest.mark.parametrize("is_here_first", [True, False])
def test_either_side_may_be_heard_first(is_here_first):
    record = FarRecord(RUN)
    if is_here_first:
        record.opened_here(opened(3, S))
        record.event(there_opened(3, S))
    else:
        record.event(there_opened(3, S))
        record.opened_here(opened(3, S))
    record.event(there_ended(3, 2 * S))
    seen = record.seen(ENDED)
    assert seen is not None
    assert (seen.session, seen.far_end.kind) == (103, "tcp_reset")
    assert seen.far_end.at_ns == pytest.approx(2 * S, abs=seen.far_end.within_ns)


def test_what_ends_before_the_reflector_can_have_accepted_makes_nothing_less_exact():
    record = FarRecord(RUN)
    phases = {"resolve": S, "connect": S, "proxy_connect": S, "tls": 2 * MS, "upgrade": 2 * MS}
    record.opened_here(replace(opened(3, S), phases_ns=phases))
    record.event(there_opened(3, S))
    seen = record.seen(ENDED)
    assert seen is not None
    assert 2 * MS <= seen.far_end.within_ns < 3 * MS


def test_what_had_passed_is_what_had_when_this_end_gave_it_up():
    record = FarRecord(RUN)
    record.bound(OffsetBound(S, AHEAD, AHEAD))
    record.event(there_opened(3, S))
    record.event(held(3, 2 * S, S))
    known = record.seen(ENDED)
    record.event(there_ended(3, 9 * S))  # a retransmission came at 8 s
    final = record.seen(ENDED)
    assert known is not None
    assert final is not None
    assert (known.far_end.kind, final.far_end.kind) == (None, "tcp_reset")
    assert known.far_end.last_in_ns == pytest.approx(S, abs=MS)
    assert final.far_end.last_in_ns == known.far_end.last_in_ns
    assert final.far_end.at_ns == pytest.approx(9 * S, abs=MS)
    assert known.far_end.known_until_ns == pytest.approx(2 * S, abs=MS)
    assert final.far_end.known_until_ns == final.far_end.at_ns


def test_other_runs_and_what_is_forgotten_say_nothing():
    record = FarRecord(RUN)
    record.bound(OffsetBound(S, AHEAD, AHEAD))
    record.event(there_opened(3, S, run="cd" * 16))
    assert record.seen(ENDED) is None
    record.event(there_opened(3, S))
    assert record.seen(ENDED) is not None
    record.forget(3)
    assert record.seen(ENDED) is None


def test_without_a_shared_moment_nothing_is_said():
    record = FarRecord(RUN)
    record.event(there_opened(3, S))
    assert record.seen(ENDED) is None
