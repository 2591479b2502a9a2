"""A whole run counted: live and replayed figures are the same."""

from collections.abc import Iterable

import msgspec
import pytest

from stresser.analysis.counts import run_tally as tally_module
from stresser.analysis.counts.run_tally import Tally
from stresser.model import events as model_events
from stresser.model.cohort import Cohort
from stresser.model.ending import Kind
from stresser.model.events import AnyEvent, ChainSeen, ClockStepped, HostSlept
from stresser.model.hops import Hop
from stresser.model.path_change import PathChange
from stresser.model.unfit import UnfitCause
from tests.analysis.story import DIRECT, VPN, Story, idle_kill_story, seconds, utc


def told(events: Iterable[AnyEvent]) -> Tally:
    tally = Tally()
    for event in events:
        tally.event(event)
    return tally


def figures_of(tally: Tally) -> dict[Cohort, dict[str, int]]:
    return {
        cohort: {name: value for name, value in vars(figures).items() if isinstance(value, int)}
        for cohort, figures in tally.cohorts.items()
    }


def test_requested_sessions_are_shared_by_the_cohorts():
    tally = told(idle_kill_story().events)
    assert [figures.requested for figures in tally.cohorts.values()] == [20, 20]
    assert list(tally.cohorts) == [DIRECT, VPN]


def test_figures_of_a_run():
    tally = told(idle_kill_story().events)
    assert tally.cohorts[VPN].drops == 20
    assert tally.cohorts[DIRECT].drops == 0
    assert tally.cohorts[DIRECT].planned == 20
    assert tally.total().opened == 40
    assert tally.now_ns == seconds(60)
    assert tally.ended is not None


def test_replayed_events_give_the_figures_that_live_ones_gave():
    story = idle_kill_story()
    live = told(story.events)
    lines = [msgspec.json.encode(event) for event in story.events]
    replayed = told(msgspec.json.decode(line, type=AnyEvent) for line in lines)
    assert figures_of(replayed) == figures_of(live)
    assert replayed.total().session_time_ns(seconds(60)) == live.total().session_time_ns(
        seconds(60)
    )


def test_last_endings_are_the_latest_unplanned_ones():
    story = idle_kill_story()
    for n in range(15):
        story.fails(VPN, 60 + n)
    story.fails(VPN, 80, planned=True, kind=Kind.PLANNED)
    tally = told(story.events)
    assert len(tally.last_drops) == 10
    assert tally.last_drops[-1].session == 40
    assert [failed.attempt for failed in tally.last_failures] == list(range(46, 56))


def test_what_happened_to_host_and_tester():
    tally = told(
        [
            HostSlept(t_ns=1, utc=utc(1), slept_ns=seconds(30)),
            HostSlept(t_ns=2, utc=utc(2), slept_ns=seconds(10)),
            ClockStepped(t_ns=3, utc=utc(3), step_ns=-seconds(2)),
            model_events.TesterLate(t_ns=4, utc=utc(4), late_ns=seconds(0.2)),
            model_events.TesterLate(t_ns=5, utc=utc(5), late_ns=seconds(0.1)),
        ]
    )
    assert (tally.sleeps, tally.slept_ns) == (2, seconds(40))
    assert (tally.clock_steps, tally.clock_stepped_ns) == (1, -seconds(2))
    assert (tally.late, tally.latest_ns, tally.unfit_ns) == (2, seconds(0.2), 0)


def late(from_s, late_s, cause=UnfitCause.UNKNOWN):
    from_ns = seconds(from_s)
    return model_events.TesterLate(
        t_ns=from_ns, utc=utc(from_ns), late_ns=seconds(late_s), cause=cause
    )


@pytest.mark.parametrize(
    ("windows", "unfit_s"),
    [
        ([(10, 4), (10, 4), (11, 2)], 4),  # of three workers on a host that stopped
        ([(10, 4), (12, 4), (20, 1)], 7),
        ([(10, 4), (14, 4)], 8),
        ([(20, 2), (10, 4)], 6),  # of a worker that is heard later
        ([(20, 2), (10, 4), (23, 2)], 8),
        ([(20, 2), (18, 6)], 6),
        ([(20, 4), (18, 3), (19, 2)], 6),
    ],
)
def test_a_time_in_which_several_workers_could_not_judge_counts_once(windows, unfit_s):
    tally = told(late(*window) for window in windows)
    assert tally.unfit_ns == seconds(unfit_s)
    assert tally.late == len(windows)


def test_windows_in_which_nobody_could_judge_add_up():
    tally = told(late(100 * n, late_s, UnfitCause.GC) for n, late_s in enumerate([0.999, 1, 10]))
    assert (tally.late, tally.unfit_ns, tally.late_causes) == (3, seconds(11), {UnfitCause.GC: 3})


def test_path_changes_are_counted_and_the_first_kept():
    def changed(n, change=PathChange.ROUTE_ADDED, **counts):
        return model_events.PathChanged(t_ns=n, utc=utc(n), change=change, counts=counts)

    tally = told(
        [
            *(changed(n) for n in range(50)),
            changed(51, PathChange.MANY, route_added=100, route_removed=7, nonsense=-5),
            changed(52, PathChange.OVERRUN),
        ]
    )
    assert tally.path_changes == 50 + 107
    assert [event.t_ns for event in tally.first_path_changes] == list(range(10))


def test_chains_and_cohorts_are_bounded(monkeypatch):
    monkeypatch.setattr(tally_module, "_MOST_COHORTS", 5)
    monkeypatch.setattr(tally_module, "_MOST_CHAINS", 3)
    tally = told(
        ChainSeen(
            t_ns=n,
            utc=utc(n),
            endpoint=f"e{n}",
            egress="x",
            activity="y",
            chain=str(n),
            verified=True,
            problem=None,
            certificates=[],
        )
        for n in range(20)
    )
    assert (len(tally.cohorts), len(tally.chains)) == (5, 3)
    assert tally.uncounted_events == 15
    assert tally.events == 20


def addresses(cohort, *found):
    return model_events.AddressesSeen(
        t_ns=1, utc=utc(1), **cohort._asdict(), name="broker.example.net", addresses=[*found]
    )


def test_look_ups_and_who_made_them_reach_the_sites():
    story = Story([VPN, DIRECT], 1)
    story.opens(VPN, 1, resolved_by=model_events.ResolvedBy.PROXY)
    story.events += [addresses(DIRECT, "192.0.2.1"), addresses(VPN, "198.51.100.1")]
    tally = told(story.events)
    assert len(tally.sites.apart()) == len(tally.sites.in_doubt()) == 1
    assert tally.uncounted_events == 0


def hops_seen(cohort, *addresses, before=()):
    hops, were = (
        [Hop(number=n, address=address) for n, address in enumerate(path, 1)]
        for path in (addresses, before)
    )
    return model_events.HopsSeen(
        t_ns=1, utc=utc(1), **cohort._asdict(), session=1, remote="203.0.113.9:443", hops=hops,
        before=were,
    )  # fmt: skip


def test_paths_are_those_of_counted_cohorts_and_all_their_changes(monkeypatch):
    monkeypatch.setattr(tally_module, "_MOST_COHORTS", 2)
    changed = hops_seen(VPN, "198.51.100.2", before=("198.51.100.1",))
    first = [hops_seen(one, "198.51.100.1") for one in (VPN, DIRECT)]
    other = VPN._replace(egress="other")
    tally = told([*first, hops_seen(other, "198.51.100.1"), changed])
    assert tally.hops == {VPN.pair: [first[0], changed], DIRECT.pair: [first[1]]}
    assert tally.uncounted_events == 1


def test_time_never_runs_backwards():
    story = Story([VPN], 1)
    story.opens(VPN, 9)
    story.opens(VPN, 3)
    assert told(story.events).now_ns == seconds(9)
