"""What each process of a run recorded, and how it is told as one."""

import os
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from stresser.model.errors import RunFolderError
from stresser.model.events import ChainSeen, RunEnded, RunResumed
from stresser.record.events_file import encode_event
from stresser.record.folder import RunFolder
from stresser.record.histogram_log import header
from stresser.record.process_record import ProcessRecord, merged_events
from stresser.record.segments import next_closed, pack_closed
from tests.analysis.story import PUBLIC_TLS, VPN, chain_seen
from tests.record.sample_events import number_of, numbered, run_started, session_ended
from tests.record.test_far_ends import seen

ENDED = RunEnded(t_ns=9, utc="x", reason="duration")


def record_of(path, *events, worker=None):
    folder = RunFolder(path)
    path.mkdir(parents=True, exist_ok=True)
    folder.events.write_bytes(b"".join(map(encode_event, events)))
    return ProcessRecord(folder, worker)


def records_of(path, *lists):
    """The run's own events, and those of each worker."""
    own, *others = lists
    workers = [record_of(path / str(n), *some, worker=n) for n, some in enumerate(others, 1)]
    return record_of(path, *own), workers


def test_events_come_in_the_order_of_time_and_at_one_time_the_runs_own_first(tmp_path):
    own, workers = records_of(
        tmp_path,
        [run_started(), numbered(1, 5), numbered(2, 7)],
        [numbered(3, 0), numbered(4, 5), numbered(5, 7)],
        [numbered(6, 4), numbered(7, 5)],
    )
    first, *others = merged_events(own, workers)
    assert first == run_started()
    assert [number_of(event) for event in others] == [3, 6, 1, 4, 7, 2, 5]


@given(
    streams=st.lists(st.lists(st.integers(0, 50), max_size=20), min_size=2, max_size=6),
    sorts=st.booleans(),
)
def test_each_keeps_its_own_order_and_nothing_is_lost(streams, sorts, tmp_path_factory):
    times = [sorted(one) if sorts else one for one in streams]
    numbers = iter(range(10_000))
    lists = [[numbered(next(numbers), t_ns) for t_ns in one] for one in times]
    own, workers = records_of(tmp_path_factory.mktemp("run"), *lists)
    merged = list(merged_events(own, workers))
    told = [number_of(event) for event in merged]
    assert sorted(told) == list(range(len(told)))
    for some in lists:
        mine = [number_of(event) for event in some]
        assert [one for one in told if one in mine] == mine
    if sorts:
        keys = [event.t_ns for event in merged]
        assert keys == sorted(keys)


def test_the_runs_own_record_alone_says_when_it_began_ended_and_went_on(tmp_path):
    resumed = RunResumed(t_ns=3, utc="x", since_ns=1, why="crashed")
    own, workers = records_of(
        tmp_path, [run_started(), ENDED], [run_started(), resumed, numbered(1, 9), ENDED]
    )
    assert list(merged_events(own, workers)) == [run_started(), numbered(1, 9), ENDED]
    assert not any(one.damage for one in (own, *workers))


def test_its_last_word_says_what_all_of_them_did_not_record(tmp_path):
    lost = [replace(ENDED, unrecorded_events=n, unrecorded_samples=10 * n) for n in (1, 2, 4)]
    resumed = RunResumed(t_ns=20, utc="x", since_ns=9, why="duration")
    again = [replace(one, t_ns=30) for one in (ENDED, lost[1])]
    own, workers = records_of(
        tmp_path,
        [run_started(), lost[0], resumed, again[0]],
        [lost[1], numbered(1, 25), again[1]],
        [lost[2]],
    )
    ends = [event for event in merged_events(own, workers) if isinstance(event, RunEnded)]
    assert [(one.unrecorded_events, one.unrecorded_samples) for one in ends] == [(7, 70), (2, 20)]
    assert own.unrecorded == []
    assert [line for one in workers for line in one.unrecorded] == [
        "workers/1/events.jsonl: 2 events were not recorded",
        "workers/2/events.jsonl: 4 events were not recorded",
    ]


def test_without_workers_nothing_is_changed(tmp_path):
    own, _ = records_of(tmp_path, [run_started(), numbered(1), replace(ENDED, unrecorded_events=3)])
    assert list(merged_events(own, [])) == list(own.events())
    assert own.unrecorded == ["3 events were not recorded"]


def test_a_worker_without_events_is_damage_and_the_runs_own_is_none(tmp_path):
    own, [worker] = records_of(tmp_path, [run_started()], [])
    worker.folder.events.unlink()
    for _ in range(2):
        assert list(merged_events(own, [worker])) == [run_started()]
        assert worker.damage == ["workers/1/events.jsonl: is missing"]
    own.folder.events.unlink()
    assert list(merged_events(own, [worker])) == []
    assert own.damage == []


@pytest.mark.parametrize("name", ["events", "histograms", "partial", "far_ends"])
@pytest.mark.parametrize("what", ["fifo", "link", "folder"])
def test_of_a_worker_what_cannot_be_read_is_damage_and_the_others_are_whole(tmp_path, name, what):
    own, [odd, other] = records_of(tmp_path, [run_started()], [numbered(1, 1)], [numbered(2, 2)])
    path = getattr(odd.folder, name)
    path.unlink(missing_ok=True)
    make = {"fifo": os.mkfifo, "link": lambda it: it.symlink_to(__file__), "folder": os.mkdir}
    make[what](path)
    for _ in range(2):
        told = [*merged_events(own, [odd, other]), *odd.intervals(), *odd.far_ends()]
        assert told[-1] == numbered(2, 2)
        assert len(told) == (2 if name == "events" else 3)
        [line] = odd.damage
        assert line.startswith(f"workers/1/{path.name}: cannot be read: ")
    assert other.damage == []
    own.folder.events.unlink()
    os.mkfifo(own.folder.events)
    with pytest.raises(RunFolderError, match="cannot be read"):
        list(merged_events(own, [odd, other]))


def test_damage_names_the_workers_file(tmp_path):
    worker = record_of(tmp_path, numbered(1), worker=12)
    worker.folder.events.write_bytes(b"junk\n" + encode_event(numbered(1))[:-1] + b'\n{"ev')
    worker.folder.histograms.write_bytes(header(0) + b"junk\n")
    assert [number_of(event) for event in worker.events()] == [1]
    assert list(worker.intervals()) == []
    assert worker.damage == [
        "workers/12/events.jsonl: 1 unreadable lines were skipped",
        "workers/12/events.jsonl: the last line is torn and was skipped",
        "workers/12/histograms.hlog: 1 unreadable lines were skipped",
    ]


def test_a_workers_damaged_segment_is_read_as_far_as_it_goes(tmp_path):
    worker = record_of(tmp_path, *map(numbered, range(5000)), worker=2)
    closed = next_closed(worker.folder.events)
    worker.folder.events.rename(closed)
    worker.folder.events.write_bytes(encode_event(numbered(9999)))
    pack_closed(worker.folder.events)
    packed = closed.with_name(f"{closed.name}.zst")
    packed.write_bytes(packed.read_bytes()[:-9])
    *told, last = [number_of(event) for event in worker.events()]
    assert told == list(range(len(told)))
    assert last == 9999
    [line] = worker.damage
    assert line.startswith("workers/2/events-00001.jsonl.zst: is damaged: nothing after its line")


def test_its_signs_of_life(tmp_path):
    worker = record_of(tmp_path, numbered(1, 5), session_ended(), worker=1)
    assert worker.last_event == session_ended()
    assert worker.last_interval_ns is None
    assert worker.last_written_unix_ns == worker.folder.events.stat().st_mtime_ns
    assert record_of(tmp_path).anchor_unix_ns is None
    worker.folder.histograms.write_bytes(header(7 * 10**9))
    assert worker.anchor_unix_ns == 7 * 10**9
    nothing = ProcessRecord(RunFolder(tmp_path / "nothing"))
    assert nothing.last_event is None
    assert nothing.last_written_unix_ns is None
    assert nothing.anchor_unix_ns is None


def test_what_its_reflector_told(tmp_path):
    worker = record_of(tmp_path, worker=1)
    assert list(worker.far_ends()) == []
    worker.folder.far_ends.write_bytes(encode_event(seen(3)) + encode_event(numbered(1)))
    assert list(worker.far_ends()) == [seen(3)]


def test_many_workers_are_merged_in_little_memory(tmp_path):
    lists = [[numbered(n, 1000 * n + worker) for n in range(2000)] for worker in range(9)]
    own, workers = records_of(tmp_path, *lists)
    tracemalloc.start()
    try:
        last = -1
        count = 0
        for event in merged_events(own, workers):
            assert event.t_ns > last
            last, count = event.t_ns, count + 1
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 18_000
    assert most < 1 << 20, "the files have 2 MB"


def test_a_chains_file_is_named_by_where_it_is_in_the_run(tmp_path):
    kept, none, odd = (
        chain_seen(VPN, PUBLIC_TLS, file=file) for file in ("chains/p1.pem", None, "redacted")
    )
    own, workers = records_of(tmp_path, [kept], [], [none, kept, odd])
    files = [one.file for one in merged_events(own, workers) if isinstance(one, ChainSeen)]
    assert files == ["chains/p1.pem", None, "workers/2/chains/p1.pem", "redacted"]
