"""What is counted for a scrape, and that its size is bounded."""

from stresser.analysis.counts.run_tally import Tally
from stresser.model.cohort import Cohort
from stresser.model.ending import Initiator, Kind, Phase, Proof
from stresser.model.events import AttemptFailed
from stresser.model.quantity import Quantity
from stresser.model.units import NS_PER_MS
from stresser.report.metrics import BOUNDS_NS, MOST_COHORTS, OTHERS, FixedBuckets, Metrics
from tests.analysis.story import DIRECT, VPN, Story


def metrics_of(story: Story) -> Metrics:
    tally = Tally()
    for event in story.events:
        tally.event(event)
    return Metrics(tally, "made-up", "folder", 1)


def eventful() -> Story:
    story = Story([DIRECT, VPN], 3)
    story.opens(DIRECT, 1)
    story.ends_as_planned(story.opens(DIRECT, 1), 60, replaced=True)
    story.ends_as_planned(story.opens(DIRECT, 1), 60, proved=Proof.UNPROVED)
    story.drops(story.opens(VPN, 1), 5, initiator=Initiator.MIDDLEBOX)
    story.drops(story.opens(VPN, 1), 5, Kind.HOST_SLEPT, initiator=Initiator.HOST)
    story.fails(VPN, 6)
    story.fails(VPN, 7, phase=Phase.TLS, kind=Kind.TIMEOUT)
    story.fails(VPN, 8, planned=True, initiator=Initiator.PLAN)
    return story


def test_a_reading_says_what_the_tally_has():
    direct, vpn = metrics_of(eventful()).reading().cohorts.values()
    assert (direct.requested, direct.open, direct.attempts, direct.failures) == (3, 1, 3, 0)
    assert (direct.proved, direct.unproved, direct.planned) == (1, 1, 2)
    assert (vpn.open, vpn.attempts, vpn.failures, vpn.drops, vpn.by_host) == (0, 4, 2, 1, 1)
    assert vpn.drops_by == {(Phase.HELD, Kind.TCP_RESET, Initiator.MIDDLEBOX): 1}
    assert vpn.failures_by == {
        (Phase.CONNECT, Kind.REFUSED, Initiator.UNKNOWN): 1,
        (Phase.TLS, Kind.TIMEOUT, Initiator.UNKNOWN): 1,
    }


def test_a_reading_stays_as_it_was_while_the_tally_goes_on():
    story, tally = eventful(), Tally()
    for event in story.events:
        tally.event(event)
    reading = Metrics(tally, "made-up", "folder", 1).reading()
    tally.event(next(one for one in story.events if isinstance(one, AttemptFailed)))
    assert reading.cohorts[VPN].failures_by.total() == reading.cohorts[VPN].failures == 2


def test_a_bucket_holds_its_upper_bound():
    buckets = FixedBuckets()
    for value in (0, BOUNDS_NS[0], BOUNDS_NS[0] + 1, BOUNDS_NS[-1], BOUNDS_NS[-1] + 1):
        buckets.add(value)
    assert [place for place, count in enumerate(buckets.counts) for _ in range(count)] == [
        0, 0, 1, len(BOUNDS_NS) - 1, len(BOUNDS_NS),
    ]  # fmt: skip
    assert buckets.sum_ns == 2 * BOUNDS_NS[0] + 2 * BOUNDS_NS[-1] + 2


def test_samples_are_counted_by_quantity_and_cohort_and_a_reading_stays_as_it_was():
    metrics = metrics_of(eventful())
    metrics.sample(Quantity.RTT, VPN, 3 * NS_PER_MS)
    metrics.sample(Quantity.LOOP_LAG, None, NS_PER_MS)
    metrics.samples(Quantity.AGE_AT_DROP, VPN, [NS_PER_MS, NS_PER_MS])
    metrics.samples(Quantity.TLS, VPN, [NS_PER_MS, 2 * NS_PER_MS])
    reading = metrics.reading()
    metrics.sample(Quantity.RTT, VPN, 3 * NS_PER_MS)
    assert {key: sum(one.counts) for key, one in reading.durations.items()} == {
        (Quantity.RTT, VPN): 1,
        (Quantity.LOOP_LAG, None): 1,
        (Quantity.TLS, VPN): 2,
    }
    assert sum(metrics.reading().durations[Quantity.RTT, VPN].counts) == 2


def test_cohorts_beyond_the_cap_are_counted_together():
    cohorts = [Cohort(f"e{number}", "direct", "heartbeat") for number in range(MOST_COHORTS + 7)]
    story = Story(cohorts, 2)
    for cohort in cohorts:
        story.drops(story.opens(cohort, 1), 5)
        story.fails(cohort, 6)
    metrics = metrics_of(story)
    for cohort in cohorts:
        metrics.sample(Quantity.RTT, cohort, NS_PER_MS)
    reading = metrics.reading()
    assert list(reading.cohorts) == [*cohorts[:MOST_COHORTS], OTHERS]
    others = reading.cohorts[OTHERS]
    assert (others.requested, others.attempts, others.failures, others.drops) == (14, 14, 7, 7)
    assert (others.drops_by.total(), others.failures_by.total()) == (7, 7)
    assert len(reading.durations) == MOST_COHORTS + 1
    assert sum(reading.durations[Quantity.RTT, OTHERS].counts) == 7
