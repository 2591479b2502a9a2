"""One moment of a run, copied."""

from stresser.analysis.counts.run_tally import Tally
from stresser.model import events as model_events
from stresser.model.cohort import Cohort
from stresser.model.quantity import Quantity
from stresser.report.glimpse import Glimpse
from stresser.report.snapshot import Snapshot, take_snapshot
from tests.analysis.story import BAD_CHAIN, DIRECT, VPN, Story, idle_kill_story, seconds, utc


def snapshot_of(story: Story, most_rows: int = 20, **glimpses: Glimpse) -> Snapshot:
    tally = Tally()
    for event in story.events:
        tally.event(event)
    return take_snapshot(
        tally,
        {(Quantity(name), VPN): glimpse for name, glimpse in glimpses.items()},
        scenario="made-up",
        now_ns=seconds(60),
        duration_ns=None,
        warnings=["one"],
        news=["two"],
        most_rows=most_rows,
    )


def test_figures_of_each_cohort_and_of_all():
    snapshot = snapshot_of(idle_kill_story())
    assert snapshot.rows[VPN].kinds == {"tcp_reset": 20}
    assert (snapshot.rows[VPN].open, snapshot.rows[VPN].requested) == (0, 20)
    assert (snapshot.total.attempts, snapshot.total.drops) == (40, 20)
    assert snapshot.rest is None


def test_the_worst_cohorts_have_rows_in_their_order_and_the_rest_is_summed():
    cohorts = [Cohort(f"e{n}", "x", "y") for n in range(6)]
    story = Story(cohorts, 2)
    for n in (5, 1, 3):
        story.drops(story.opens(cohorts[n], 0), 5)
    for n in (0, 2, 4):
        story.opens(cohorts[n], 0)
    snapshot = snapshot_of(story, most_rows=3)
    assert [cohort.endpoint for cohort in snapshot.rows] == ["e1", "e3", "e5"]
    assert snapshot.rest is not None
    assert (snapshot.rest_count, snapshot.rest.open, snapshot.rest.requested) == (3, 3, 6)
    assert snapshot.total.drops == 3


def test_what_happens_later_does_not_change_it():
    glimpse = Glimpse()
    glimpse.add(5)
    snapshot = snapshot_of(Story([VPN], 1), rtt=glimpse)
    glimpse.add(500)
    assert snapshot.rows[VPN].glimpses[Quantity.RTT].count == 1


def test_latest_endings_first():
    story = idle_kill_story()
    story.fails(DIRECT, 8)
    snapshot = snapshot_of(story)
    times = [event.t_ns for event in snapshot.endings]
    assert times == sorted(times, reverse=True)
    assert len(times) == 6


def test_warnings_are_the_given_ones_and_what_the_events_warn_of():
    story = Story([VPN], 1)
    story.opens(VPN, 0, tls=BAD_CHAIN)
    story.events += [
        model_events.TesterLate(t_ns=2, utc=utc(2), late_ns=seconds(0.25)),
        model_events.HostSlept(t_ns=3, utc=utc(3), slept_ns=seconds(90)),
    ]
    assert snapshot_of(story).warnings == [
        "one",
        "1 of 1 TLS handshakes served a chain that does not verify",
        "stresser itself was late 1 time, by 250 ms at worst",
        "this host slept 1 time, 1 m 30 s in all",
    ]
    assert snapshot_of(story).news == ["two"]
