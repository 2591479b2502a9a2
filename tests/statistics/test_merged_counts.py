import pytest
from hypothesis import given
from hypothesis import strategies as st

from stresser.model.quantity import HIGHEST_NS
from stresser.statistics import merged_counts
from stresser.statistics.duration_counts import HIGHEST_BUCKET, SparseCounts
from stresser.statistics.merged_counts import MergedCounts, added_up, packed_counts

DURATIONS = st.lists(st.integers(min_value=0, max_value=HIGHEST_NS), max_size=30)


def packed_of(values):
    return packed_counts(SparseCounts.of(values).buckets())


@given(st.lists(DURATIONS, max_size=8))
def test_counts_added_up_are_those_of_all_durations(lists):
    together = added_up([packed_of(values) for values in lists])
    everything = SparseCounts.of(value for values in lists for value in values)
    assert together.buckets() == dict(everything.buckets())
    assert list(together.indices) == sorted(everything.buckets())
    assert together.count == everything.count


def test_no_sum_leaves_a_machines_integers():
    most = packed_counts({HIGHEST_BUCKET: 2**41 - 1, 3: 1})
    total = added_up([most] * 100)
    assert total.buckets() == {3: 100, HIGHEST_BUCKET: 2**47}
    assert total.distribution().max > HIGHEST_NS * 0.99


@given(st.lists(st.tuples(st.sampled_from("abc"), DURATIONS), max_size=20))
def test_each_name_keeps_its_own_counts(pairs):
    merged, expected = MergedCounts[str](10, 10_000), dict[str, SparseCounts]()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(merged_counts, "_MOST_LOOSE", 40)
        for name, values in pairs:
            merged.add(name, packed_of(values))
            expected.setdefault(name, SparseCounts()).merge(SparseCounts.of(values))
        found = {name: counts.buckets() for name, counts in merged.by_name().items()}
    assert found == {name: dict(counts.buckets()) for name, counts in expected.items()}
    assert merged.refused == 0


def test_a_name_beyond_the_bound_is_refused_and_counted():
    merged = MergedCounts[str](1, 100)
    for name in "aba":
        merged.add(name, packed_of([10]))
    assert ({name: one.count for name, one in merged.by_name().items()}, merged.refused) == (
        {"a": 2}, 1,
    )  # fmt: skip


def test_only_buckets_that_differ_take_room():
    merged = MergedCounts[str](10, 4)
    for values in ([1, 2], [2, 1], [2, 3, 4], [5]):
        merged.add("a", packed_of(values))
    assert merged.by_name()["a"].buckets() == {1: 2, 2: 2, 5: 1}
    assert merged.refused == 1


@pytest.mark.parametrize(("times", "takes"), [(2**31, 4), (2**32 - 1, 4), (2**32, 8)])
def test_counts_take_four_bytes_until_they_need_eight(times, takes):
    merged = MergedCounts[str](10, 10)
    merged.add("a", packed_counts({7: times - 1}))
    merged.by_name()
    merged.add("a", packed_counts({7: 1}))
    assert merged.by_name()["a"].buckets() == {7: times}
    assert merged.by_name()["a"].times.itemsize == takes
    assert added_up([merged.by_name()["a"]] * 3).count == 3 * times
