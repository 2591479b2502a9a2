"""Rules against runs: what passes, fails, and what nobody can say."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stresser.analysis.counts.run_tally import Tally
from stresser.analysis.summary.thresholds import (
    Measured,
    doubts_about_tester,
    judge_thresholds,
    verdict_of,
)
from stresser.model import events as model_events
from stresser.model.ending import Initiator, Kind, Phase
from stresser.model.quantity import Quantity
from stresser.model.units import NS_PER_MS
from stresser.model.verdict import ThresholdResult, Verdict
from stresser.scenario.threshold import Metric, Statistic, known_metrics
from stresser.statistics.duration_counts import SparseCounts
from tests.analysis.story import (
    BAD_CHAIN,
    DIRECT,
    GOOD_CHAIN,
    INSPECTED_TLS,
    PUBLIC_TLS,
    UNKNOWN_TLS,
    VPN,
    Story,
    idle_kill_story,
    seconds,
    utc,
)


def measured(story: Story, counts: Any = None, now: float = 60) -> Measured:
    tally = Tally()
    for event in story.events:
        tally.event(event)
    distributions = {
        key: SparseCounts.of(round(ms * NS_PER_MS) for ms in values).distribution()
        for key, values in (counts or {}).items()
    }
    return Measured(tally=tally, now_ns=seconds(now), distributions=distributions)


def answer(key, rule, story=None, counts=None, doubts=()) -> ThresholdResult:
    facts = measured(idle_kill_story() if story is None else story, counts)
    return judge_thresholds({key: rule}, facts, list(doubts))[0]


TLS = {
    (Quantity.TLS, DIRECT): [10] * 99 + [50],
    (Quantity.TLS, VPN): [100] * 99 + [900],
    (Quantity.LOOP_LAG, None): [1, 2],
}


@pytest.mark.parametrize(
    ("key", "rule", "verdict", "shown"),
    [
        ("drops", "= 0", "fail", "20"),
        ("drops{egress=direct}", "= 0", "pass", "0"),
        ("drops.tcp_reset{egress=vpn}", "<= 20", "pass", "20"),
        ("drops.silence", "= 0", "pass", "0"),
        ("drops.host_slept", "= 0", "pass", "0"),
        ("drops_per_session_hour{egress=direct}", "< 0.1", "pass", "0 per session-hour"),
        ("drops_per_session_hour", "< 0.1", "fail", "55.42 per session-hour"),
        ("sessions", ">= 40", "pass", "40"),
        ("sessions_open", ">= 40", "fail", "20"),
        ("open_ratio{egress=direct}", "> 95%", "pass", "98.42%"),
        ("attempts", "= 40", "pass", "40"),
        ("attempts_failed", "= 0", "pass", "0"),
        ("failure_ratio", "< 1%", "pass", "0%"),
        ("unverified", "= 0", "pass", "0"),
        ("intercepted", "= 0", "inconclusive", "no certificate chain was judged"),
        ("tls.p99", "< 800ms", "pass", "100 ms"),
        ("tls.max", "< 800ms", "fail", "900 ms"),
        ("tls.p99{egress=direct}", "< 20ms", "pass", "10 ms"),
        ("tls.max{endpoint=broker,egress=direct}", "< 20ms", "fail", "50 ms"),
        ("loop_lag.max", "< 50ms", "pass", "2 ms"),
        ("rtt.p99", "< 1s", "inconclusive", "no samples"),
        ("tls.p99{egress=tun9}", "< 1s", "inconclusive", "no cohort of this run has these labels"),
        ("drops{egress=tun9}", "= 0", "inconclusive", "no cohort of this run has these labels"),
        ("drops", "zero", "inconclusive", "is not a rule"),
        ("tls.p98", "< 1s", "inconclusive", "is not a metric"),
    ],
)
def test_rules_against_a_run(key, rule, verdict, shown):
    result = answer(key, rule, counts=TLS)
    assert (result.verdict, result.rule) == (verdict, f"{key} {rule}")
    assert result.shown.startswith(shown) or shown in result.shown
    assert (result.value is None) is (verdict == "inconclusive")


@pytest.mark.parametrize("metric", known_metrics())
def test_without_samples_nothing_passes(metric):
    quantity = any(metric.endswith(f".{statistic}") for statistic in Statistic)
    rule = "< 1s" if quantity else "<= 1"
    for story in (Story([VPN], 1), Story([], 0)):
        result = answer(metric, rule, story)
        assert result.verdict is Verdict.INCONCLUSIVE
        assert result.value is None


def test_drops_are_not_judged_where_no_session_opened():
    story = Story([VPN], 1)
    story.fails(VPN, 1)
    assert answer("drops", "= 0", story).shown == "no session opened"
    assert answer("attempts_failed", "= 0", story).verdict is Verdict.FAIL
    assert answer("sessions", ">= 1", story).verdict is Verdict.FAIL
    assert answer("unverified", "= 0", story).verdict is Verdict.INCONCLUSIVE


def test_a_chain_that_was_refused_counts_as_unverified():
    story = Story([VPN], 1)
    story.fails(VPN, 1, phase=Phase.TLS, kind=Kind.CERTIFICATE, tls=BAD_CHAIN)
    assert answer("unverified", "= 0", story).verdict is Verdict.FAIL


def test_a_doubt_spoils_a_pass_and_no_fail():
    passed = answer("drops{egress=direct}", "= 0", doubts=["the clock is odd"])
    assert (passed.verdict, passed.value) == (Verdict.INCONCLUSIVE, 0)
    assert passed.shown == "0, but the clock is odd"
    failed = answer("drops", "= 0", doubts=["the clock is odd"])
    assert (failed.verdict, failed.shown) == (Verdict.FAIL, "20")


def doubts_of(story: Story, counts: Any = None) -> list[str]:
    return doubts_about_tester(measured(story, counts))


def test_a_tester_in_order_is_not_doubted():
    assert doubts_of(idle_kill_story(), {(Quantity.LOOP_LAG, None): [99] * 100}) == []


def test_a_late_tester_is_doubted():
    (doubt,) = doubts_of(idle_kill_story(), {(Quantity.LOOP_LAG, None): [180] * 100})
    assert doubt == "stresser itself was late: loop lag p99 is 180 ms, over 100 ms"


@pytest.mark.parametrize(
    ("lates", "now", "said"),
    [
        ([1.5], 60, "1.5 s"),  # more than one part in a hundred
        ([0.9] * 50, 60, None),  # late, but sessions could be judged
        ([1.5], 8 * 3600, None),
        ([10], 3600, None),
        ([10, 10, 10.5], 8 * 3600, "30.5 s"),  # half a minute is too much for any night
    ],
)
def test_a_tester_that_was_unfit_for_too_long_is_doubted(lates, now, said):
    story = idle_kill_story()
    story.events += [
        model_events.TesterLate(t_ns=seconds(11 * n), utc=utc(0), late_ns=seconds(late))
        for n, late in enumerate(lates)
    ]
    doubts = doubts_about_tester(measured(story, now=now))
    expected = f"stresser was too late to judge sessions for {said} in all"
    assert doubts == ([] if said is None else [expected])
    verdict = verdict_of([], measured(story, now=now).tally, doubts)
    assert verdict is (Verdict.NONE if said is None else Verdict.INCONCLUSIVE)


def test_limits_of_the_tool_sleep_and_lost_samples_are_doubts():
    story = Story([VPN], 2)
    story.drops(story.opens(VPN, 0), 5, Kind.TOOL, initiator=Initiator.TOOL)
    story.fails(VPN, 6, kind=Kind.TOOL, initiator=Initiator.TOOL)
    story.events.append(model_events.HostSlept(t_ns=7, utc=utc(7), slept_ns=seconds(30)))
    story.stops(60, unrecorded_samples=12)
    by_tool, slept, samples = doubts_of(story)
    assert by_tool.startswith("2 endings through limits of stresser itself")
    assert slept == "this host slept 1 time, 30 s in all"
    assert samples == "12 samples could not be recorded"


def test_a_worker_that_died_is_a_doubt_of_its_own():
    story = Story([VPN], 2)
    story.drops(story.opens(VPN, 0), 5, Kind.TOOL, initiator=Initiator.TOOL)
    story.events.append(
        model_events.WorkerEnded(t_ns=7, utc=utc(7), worker=1, workers=2, how="x", sessions=1)
    )
    assert doubts_of(story)[0] == "1 worker of stresser died, and 1 session ended with that"
    assert verdict_of([], measured(story).tally, doubts_of(story)) is Verdict.INCONCLUSIVE


VERDICTS = st.lists(st.sampled_from([Verdict.PASS, Verdict.INCONCLUSIVE, Verdict.FAIL]))


def results_of(verdicts: list[Verdict]) -> list[ThresholdResult]:
    return [ThresholdResult(rule="r", verdict=v, value=None, shown="") for v in verdicts]


@given(VERDICTS)
def test_the_verdict_is_the_worst_answer(verdicts):
    verdict = verdict_of(results_of(verdicts), measured(idle_kill_story()).tally, [])
    worst = [v for v in (Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.PASS) if v in verdicts]
    assert verdict is (worst[0] if worst else Verdict.NONE)


@given(VERDICTS)
def test_doubt_or_no_session_never_passes_and_never_hides_a_fail(verdicts):
    nothing, run = measured(Story([VPN], 1)).tally, measured(idle_kill_story()).tally
    for verdict in (
        verdict_of(results_of(verdicts), nothing, []),
        verdict_of(results_of(verdicts), run, ["a doubt"]),
    ):
        expected = Verdict.FAIL if Verdict.FAIL in verdicts else Verdict.INCONCLUSIVE
        assert verdict is expected


def test_every_metric_is_measured():
    counts = {(quantity, VPN): [5] for quantity in Quantity if quantity is not Quantity.LOOP_LAG}
    counts[Quantity.LOOP_LAG, None] = [5]  # type: ignore[index] # a key with no cohort
    for metric in known_metrics():
        rule = "< 10s" if metric.partition(".")[0] in set(Quantity) else "<= 1"
        result = answer(metric, rule, counts=counts)
        is_unknowable = metric == Metric.INTERCEPTED
        assert (result.value is None) is is_unknowable, metric


def handshakes(*chains):
    story = Story([VPN, DIRECT], len(chains))
    for at, tls in enumerate(chains):
        story.opens(VPN, at, tls=tls)
    story.opens(DIRECT, 9, tls=PUBLIC_TLS)
    return story


@pytest.mark.parametrize(
    ("chains", "rule", "verdict", "shown"),
    [
        ([PUBLIC_TLS, PUBLIC_TLS], "= 0", "pass", "0"),
        ([PUBLIC_TLS, INSPECTED_TLS, INSPECTED_TLS], "= 0", "fail", "2"),
        ([INSPECTED_TLS], "> 0", "pass", "1"),
        ([GOOD_CHAIN], "= 0", "inconclusive", "no certificate chain was judged"),
        ([GOOD_CHAIN, PUBLIC_TLS], "= 0", "inconclusive", "of 1 handshake the chain was"),
        ([GOOD_CHAIN, INSPECTED_TLS], "= 0", "fail", "1"),
        ([UNKNOWN_TLS, PUBLIC_TLS], "= 0", "inconclusive", "1 chain of a root that the"),
        ([UNKNOWN_TLS, INSPECTED_TLS], "= 0", "fail", "1"),
    ],
    ids=[
        "clean", "intercepted", "wanted", "not judged", "half judged", "known all the same",
        "unknown root", "unknown and known",
    ],
)  # fmt: skip
def test_interception_is_counted_where_it_is_known(chains, rule, verdict, shown):
    result = answer("intercepted{egress=vpn}", rule, handshakes(*chains))
    assert (result.verdict, result.shown.startswith(shown)) == (verdict, True), result.shown
    assert answer("intercepted{egress=direct}", "= 0", handshakes(*chains)).verdict == "pass"


def test_one_private_chain_through_every_egress_is_undecided():
    story = Story([VPN, DIRECT], 1)
    for cohort in (VPN, DIRECT):
        story.opens(cohort, 1, tls=INSPECTED_TLS)
    for labels, count in (("", 2), ("{egress=vpn}", 1)):
        result = answer(f"intercepted{labels}", "= 0", story)
        assert result.verdict == "inconclusive"
        assert result.shown.startswith(f"{count} chain")
    story.opens(DIRECT, 2, tls=PUBLIC_TLS)
    assert answer("intercepted", "= 0", story).verdict == "inconclusive"


def test_failed_attempts_are_handshakes_too():
    story = Story([VPN], 1)
    story.fails(VPN, 1, tls=INSPECTED_TLS, kind=Kind.CERTIFICATE)
    assert answer("intercepted", "= 0", story).shown == "1"
    story.fails(VPN, 2, kind=Kind.CERTIFICATE)
    assert answer("intercepted", "= 0", story).shown == "1"
    refused = Story([VPN], 1)
    refused.fails(VPN, 2, kind=Kind.CERTIFICATE)
    assert answer("intercepted", "= 0", refused).verdict == "inconclusive"
