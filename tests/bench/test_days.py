import pytest

from bench.days import Days, DaysPlan, judged
from stresser.analysis.summary.summary import summarise
from stresser.record.reader import open_run

pytestmark = pytest.mark.slow

SMALL = DaysPlan(
    hours=1.0, seats=5, life_hours=0.1, outage_hours=(0.5, 0.52), segment_bytes=200_000
)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return Days(tmp_path_factory.mktemp("days"), SMALL).run()


def test_what_was_simulated_is_read_back_to_the_last_event(small):
    total = summarise(open_run(small.folder)).total
    assert total.sessions == small.sessions > 100
    assert total.attempts_failed == small.failures > 1_000
    assert total.drops == total.sessions - total.sessions_open
    counted = open_run(small.folder).histograms()
    assert sum(one.count for one in counted.values()) == small.samples


def test_closed_segments_are_compressed_and_nothing_else_is_left(small):
    names = sorted(path.name for path in small.folder.iterdir())
    closed = [name for name in names if name.startswith("events-")]
    assert len(closed) >= 2
    assert names == sorted([*closed, "events.jsonl", "histograms.hlog", "manifest.json"])
    assert all(name.endswith(".jsonl.zst") for name in closed)


def test_it_is_within_its_limits_and_they_can_be_missed(small):
    assert list(judged(small)) == []
    assert len(small.memory_mb) == len(small.files) == 1
    for change in ({"disk_mb": 201.0}, {"files": [8, 9]}, {"memory_mb": [*[50.0] * 7, 70.0]}):
        assert len(list(judged(type(small)(**{**vars_of(small), **change})))) == 1


def vars_of(cost):
    return {name: getattr(cost, name) for name in cost.__struct_fields__}
