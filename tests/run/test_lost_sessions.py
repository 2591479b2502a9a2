"""What a dead worker's folder gives away: what it had not sent, and which sessions have no end."""

import trio

from stresser.model.ending import Initiator, Kind, NoDrop
from stresser.model.events import RunEnded, SessionOpened
from stresser.model.units import NS_PER_S
from stresser.record.events_file import encode_event
from stresser.record.folder import RunFolder
from stresser.run.lost_sessions import left_behind, lost_session
from stresser.witness.clock import RunClock
from tests.analysis.story import GOOD_CHAIN
from tests.record.sample_events import COHORT, session_ended, utc_of


def opened(number, t_ns):
    return SessionOpened(
        **COHORT._asdict(), t_ns=t_ns, utc=utc_of(t_ns), session=number, attempt=number,
        phases_ns={}, local="192.0.2.1:40000", remote="198.51.100.1:443", tls=GOOD_CHAIN,
    )  # fmt: skip


def folder_with(path, events, torn=b""):
    folder = RunFolder(path)
    folder.events.write_bytes(b"".join(encode_event(event) for event in events) + torn)
    return folder


def ended(session, t_ns):
    return session_ended(session=session, attempt=session, t_ns=t_ns, detected_at_ns=t_ns)


def test_sessions_without_an_end_are_open_and_what_was_sent_is_not_told_again(tmp_path):
    events = [opened(1, NS_PER_S), opened(2, 2 * NS_PER_S), ended(1, 3 * NS_PER_S)]
    left = left_behind(folder_with(tmp_path, events), 0, sent=2)
    assert [event.session for event in left.open] == [2]
    assert left.untold == events[2:]
    assert left.alive_ns == 3 * NS_PER_S


def test_a_line_that_was_being_written_is_cut_off(tmp_path):
    whole = encode_event(opened(2, 2 * NS_PER_S))
    left = left_behind(folder_with(tmp_path, [opened(1, NS_PER_S)], whole[:-9]), 0, sent=1)
    assert [event.session for event in left.open] == [1]
    assert left.untold == []
    assert (tmp_path / "events.jsonl").read_bytes().endswith(b"\n")


def test_sessions_of_the_part_before_are_not_this_worker_s(tmp_path):
    before = [opened(1, NS_PER_S), RunEnded(t_ns=2 * NS_PER_S, utc=utc_of(0), reason="crashed")]
    after = [opened(5, 10 * NS_PER_S)]
    left = left_behind(folder_with(tmp_path, [*before, *after]), 9 * NS_PER_S, sent=0)
    assert [event.session for event in left.open] == [5]
    assert left.untold == after


def test_a_folder_without_events_says_nothing(tmp_path):
    left = left_behind(RunFolder(tmp_path), 7, sent=0)
    assert (left.untold, left.open, left.alive_ns) == ([], [], 7)


def test_the_end_lies_between_the_last_sign_and_the_moment_it_was_seen():
    async def main():
        clock = RunClock()
        event = lost_session(
            opened(4, NS_PER_S), "killed by SIGKILL", 3 * NS_PER_S, 5 * NS_PER_S, clock
        )
        ending = event.ending
        assert (event.session, event.attempt, event.t_ns) == (4, 4, 5 * NS_PER_S)
        assert (ending.alive_at_ns, ending.dead_by_ns) == (3 * NS_PER_S, 5 * NS_PER_S)
        assert (ending.kind, ending.initiator) == (Kind.TOOL, Initiator.TOOL)
        assert (ending.is_drop, ending.no_drop) == (False, NoDrop.TOOL)
        assert ending.age_ns == 4 * NS_PER_S
        assert ending.raw == "killed by SIGKILL"
        late = lost_session(opened(4, 4 * NS_PER_S), "x", 3 * NS_PER_S, 5 * NS_PER_S, clock)
        assert late.ending.alive_at_ns == 4 * NS_PER_S

    trio.run(main)
