from typing import Any

import pytest

from stresser.model.ending import Grade, Initiator, Kind
from stresser.model.errors import RunFolderError
from stresser.model.events import FarEndSeen, SessionEnded
from stresser.model.far_end import FarEnd, OneWay, Varied
from stresser.record.events_file import EventsReader, encode_event
from stresser.record.far_ends import with_far_ends, write_far_ends
from stresser.record.folder import RunFolder
from stresser.record.process_record import ProcessRecord
from stresser.record.reader import open_run
from tests.analysis.both_ends_story import both_ends_run
from tests.record.sample_events import numbered, session_ended, utc_of

S = 10**9


def seen(session: int = 2, **more: Any) -> FarEndSeen:
    far = FarEnd(within_ns=1000, known_until_ns=9 * S, peer="192.0.2.9:1", **more)
    return FarEndSeen(t_ns=S, utc=utc_of(S), session=session, far_end=far)


def read(folder: RunFolder, *events):
    return list(with_far_ends(events, ProcessRecord(folder).far_ends()))


def test_an_ending_is_judged_by_both_ends(tmp_path):
    folder = RunFolder(tmp_path)
    write_far_ends(folder, [seen()])

    other, ended = read(folder, numbered(1), session_ended())

    assert other == numbered(1)
    assert isinstance(ended, SessionEnded)
    assert (ended.ending.initiator, ended.ending.grade) == (
        Initiator.MIDDLEBOX,
        Grade.REFLECTOR,
    )
    assert ended.ending.evidence.far_end == seen().far_end


def test_another_session_is_left_alone(tmp_path):
    folder = RunFolder(tmp_path)
    write_far_ends(folder, [seen(session=7)])
    assert read(folder, session_ended()) == [session_ended()]


def test_without_the_file_nothing_changes(tmp_path):
    assert read(RunFolder(tmp_path), session_ended()) == [session_ended()]


def test_garbage_in_the_file_is_skipped(tmp_path):
    folder = RunFolder(tmp_path)
    folder.far_ends.write_bytes(b"\xff\xfe\n{}\n[1]\n")
    assert read(folder, session_ended()) == [session_ended()]


@pytest.mark.parametrize("kind", [b'"tcp_rst"', b'"\\u001b[31m"', b'""', b"7", b"[]", b"{}"])
def test_a_kind_of_end_that_there_is_not_is_damage(tmp_path, kind):
    run = both_ends_run(tmp_path / "run")
    lines = run.folder.far_ends.read_bytes()
    assert lines.count(b'"tcp_fin"') == 1
    run.folder.far_ends.write_bytes(lines.replace(b'"tcp_fin"', kind))
    damaged = open_run(run.path)
    ended = [one.ending.evidence for one in damaged.events() if isinstance(one, SessionEnded)]
    assert len([one for one in ended if one.far_end is not None]) == 3
    assert damaged.damage == ["far_ends.jsonl: 1 unreadable lines were skipped"]


def test_a_link_is_not_followed(tmp_path):
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("")
    folder.far_ends.symlink_to(elsewhere)
    with pytest.raises(RunFolderError):
        read(folder, session_ended())


def far_ends(folder: RunFolder) -> dict[int, FarEnd]:
    lines = EventsReader(folder.far_ends)
    return {one.session: one.far_end for one in lines if isinstance(one, FarEndSeen)}


def test_a_join_adds_to_what_control_sessions_told(tmp_path):
    folder = RunFolder(tmp_path)
    write_far_ends(folder, [seen(1), seen(2, last_in_ns=S), seen(3, kind=Kind.TCP_FIN, at_ns=S)])
    ended = {"kind": Kind.TCP_RESET, "at_ns": 8 * S, "last_in_ns": 7 * S, "bytes_received": 9}
    write_far_ends(folder, [seen(one, **ended) for one in (1, 2, 3, 4)])
    known = far_ends(folder)
    assert [known[one].kind for one in (1, 2, 3, 4)] == ["tcp_reset"] * 2 + ["tcp_fin", "tcp_reset"]
    # What had passed when this end gave it up stands; what nobody had asked for is as at its end.
    assert [known[one].last_in_ns for one in (1, 2, 4)] == [7 * S, S, 7 * S]


@pytest.mark.parametrize("asked", [{}, {"last_in_ns": S}], ids=["not asked at its end", "asked"])
def test_what_was_counted_while_it_was_held_stands_after_a_join(tmp_path, asked):
    folder = RunFolder(tmp_path)
    varied = Varied(pings=3, mean_ns=1, most_ns=2)
    way = OneWay(sent=3, arrived=3)
    counted = {"there": way, "back": way, "varied_there": varied, "varied_back": varied}
    write_far_ends(folder, [seen(1, **counted, **asked)])
    write_far_ends(folder, [seen(1, kind=Kind.TCP_FIN, at_ns=8 * S)])
    [known] = far_ends(folder).values()
    assert known.kind is Kind.TCP_FIN
    assert {name: getattr(known, name) for name in counted} == counted


def test_the_last_line_on_a_session_counts(tmp_path):
    folder = RunFolder(tmp_path)
    lines = [seen(kind=Kind.TCP_RESET, at_ns=2 * S), seen(kind=Kind.PLANNED, at_ns=S)]
    folder.far_ends.write_bytes(b"".join(encode_event(one) for one in lines))
    [ended] = read(folder, session_ended())
    assert isinstance(ended, SessionEnded)
    assert ended.ending.evidence.far_end == lines[1].far_end


def test_what_workers_were_told_is_added_to_and_then_stands_in_the_runs_own_file(tmp_path):
    folder = RunFolder(tmp_path)
    for number, session in ((1, 1), (2, 2)):
        folder.worker(number).path.mkdir(parents=True)
        told = encode_event(seen(session, last_in_ns=S))
        folder.worker(number).far_ends.write_bytes(told)
    write_far_ends(folder, [seen(2, kind="tcp_fin", at_ns=8 * S, last_in_ns=7 * S), seen(3)])
    known = far_ends(folder)
    assert known.keys() == {1, 2, 3}
    assert (known[2].kind, known[2].last_in_ns) == ("tcp_fin", S)
    write_far_ends(folder, [])
    assert far_ends(folder) == known, "what the run's own file says was written last"
