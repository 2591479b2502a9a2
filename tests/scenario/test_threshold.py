"""One row for each way to write a threshold, right and wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stresser.model.cohort import Cohort
from stresser.model.ending import Kind
from stresser.model.quantity import Quantity
from stresser.model.units import NS_PER_MS, NS_PER_S
from stresser.scenario.threshold import (
    Metric,
    Operator,
    Statistic,
    Unit,
    known_metrics,
    parse_threshold,
)

RIGHT = [
    ("drops", "= 0", Metric.DROPS, Operator.EQ, 0, Unit.COUNT),
    ("drops", "<5", Metric.DROPS, Operator.LT, 5, Unit.COUNT),
    ("drops", " != 3 ", Metric.DROPS, Operator.NE, 3, Unit.COUNT),
    ("sessions", ">= 200", Metric.SESSIONS, Operator.GE, 200, Unit.COUNT),
    ("sessions_open", "> 10", Metric.SESSIONS_OPEN, Operator.GT, 10, Unit.COUNT),
    ("drops_per_session_hour", "< 0.1", Metric.DROPS_PER_SESSION_HOUR, Operator.LT, 0.1, Unit.RATE),
    ("failure_ratio", "<= 1%", Metric.FAILURE_RATIO, Operator.LE, 0.01, Unit.RATIO),
    ("failure_ratio", "< 0.25", Metric.FAILURE_RATIO, Operator.LT, 0.25, Unit.RATIO),
    ("open_ratio", ">= 99.5 %", Metric.OPEN_RATIO, Operator.GE, 0.995, Unit.RATIO),
    ("intercepted", "= 0", Metric.INTERCEPTED, Operator.EQ, 0, Unit.COUNT),
    ("unverified", "= 0", Metric.UNVERIFIED, Operator.EQ, 0, Unit.COUNT),
]


@pytest.mark.parametrize(("key", "rule", "expected"), [(*row[:2], row[2:]) for row in RIGHT])
def test_counters_ratios_and_rates(key, rule, expected):
    metric, comparison, bound, unit = expected
    threshold = parse_threshold(key, rule)
    assert (threshold.metric, threshold.operator, threshold.unit) == (metric, comparison, unit)
    assert threshold.bound == pytest.approx(bound)
    assert threshold.quantity is None


@pytest.mark.parametrize(
    ("key", "rule", "quantity", "statistic", "bound"),
    [
        ("tls.p99", "< 800ms", Quantity.TLS, Statistic.P99, 800 * NS_PER_MS),
        ("rtt.p99.9", "<= 1s 500ms", Quantity.RTT, Statistic.P99_9, 1500 * NS_PER_MS),
        ("rtt.p99.99", "< 0s", Quantity.RTT, Statistic.P99_99, 0),
        ("age_at_drop.min", "> 1h", Quantity.AGE_AT_DROP, Statistic.MIN, 3600 * NS_PER_S),
        ("loop_lag.max", "< 50ms", Quantity.LOOP_LAG, Statistic.MAX, 50 * NS_PER_MS),
        ("recovery.mean", "< 2.5s", Quantity.RECOVERY, Statistic.MEAN, 2500 * NS_PER_MS),
    ],
)
def test_statistics_of_quantities(key, rule, quantity, statistic, bound):
    threshold = parse_threshold(key, rule)
    assert (threshold.quantity, threshold.statistic) == (quantity, statistic)
    assert threshold.unit is Unit.DURATION
    assert threshold.bound == bound


def test_kind_of_drop():
    threshold = parse_threshold("drops.tcp_reset{egress=vpn}", "= 0")
    assert (threshold.metric, threshold.kind) == (Metric.DROPS, Kind.TCP_RESET)


def test_labels_choose_cohorts():
    threshold = parse_threshold("drops{egress=vpn, endpoint=broker-1}", "= 0")
    assert threshold.labels == {"egress": "vpn", "endpoint": "broker-1"}
    assert threshold.covers(Cohort("broker-1", "vpn", "silent"))
    assert not threshold.covers(Cohort("broker-1", "direct", "silent"))
    assert not threshold.covers(Cohort("broker-2", "vpn", "silent"))


def test_text_is_as_written():
    assert str(parse_threshold("tls.p99", "< 800ms")) == "tls.p99 < 800ms"


@pytest.mark.parametrize(
    ("rule", "holding", "breaking"),
    [
        ("< 5", 4, 5),
        ("<= 5", 5, 6),
        ("> 5", 6, 5),
        (">= 5", 5, 4),
        ("= 5", 5, 4),
        ("!= 5", 4, 5),
    ],
)
def test_holds(rule, holding, breaking):
    threshold = parse_threshold("drops", rule)
    assert threshold.holds(holding)
    assert not threshold.holds(breaking)


@pytest.mark.parametrize(
    ("key", "rule", "said"),
    [
        ("drop", "= 0", 'did you mean "drops"?'),
        ("drops_per_session_hours", "< 1", 'did you mean "drops_per_session_hour"?'),
        ("drops.tcp_rest", "= 0", 'did you mean "drops.tcp_reset"?'),
        ("drops.planned", "= 0", "is not a metric"),
        ("tls.p98", "< 1s", "tls takes one of .min, .mean, .p50"),
        ("tls", "< 1s", "tls takes one of"),
        ("", "< 1", "is not a metric; write for example"),
        ("drops{egress=vpn", "= 0", "is not a metric; write for example"),
        ("drops{}", "= 0", "is not a label; write for example"),
        ("drops{egress}", "= 0", "is not a label; write for example"),
        ("drops{egress=}", "= 0", "is not a label"),
        ("drops{egres=vpn}", "= 0", 'did you mean "egress"?'),
        ("drops{egress=a,egress=b}", "= 0", "the label egress is given twice"),
        ("loop_lag.p99{egress=vpn}", "< 1s", "it takes no labels"),
        ("drops", "0", "is not a rule; write for example"),
        ("drops", "", "is not a rule"),
        ("drops", "== 0", "write a number without a unit"),
        ("drops", "< 5s", "drops is a count: write a number without a unit"),
        ("drops", "< 5%", "drops is a count"),
        ("drops", "< -1", "drops is a count"),
        ("drops", "< 1e9", "drops is a count"),
        ("drops", "< nan", "drops is a count"),
        ("drops_per_session_hour", "< 1/h", "is a rate per session-hour"),
        ("tls.p99", "< 800", 'needs a unit, for example "800ms"'),
        ("tls.p99", "< 800 parsecs", "is not a duration"),
        ("failure_ratio", "< 5", "lies between 0 and 1"),
        ("failure_ratio", "< 101%", "lies between 0 and 1"),
        ("failure_ratio", "< 5s", 'write "1%" or "0.01"'),
    ],
)
def test_mistakes_are_one_sentence(key, rule, said):
    with pytest.raises(ValueError, match=r".") as caught:
        parse_threshold(key, rule)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("metric", known_metrics())
def test_every_known_metric_is_read(metric):
    rules = {Unit.DURATION: "< 1s", Unit.RATIO: "< 1%"}
    read = None
    for rule in ("< 1", "< 1s", "< 1%"):
        try:
            read = parse_threshold(metric, rule)
        except ValueError:
            continue
        break
    assert read is not None
    assert parse_threshold(metric, rules.get(read.unit, "< 1")).key == metric


@given(st.text(), st.text())
def test_any_text_is_read_or_refused_in_one_printable_line(key, rule):
    said = "read"
    try:
        parse_threshold(key, rule)
    except ValueError as error:
        said = str(error)
    assert said.isprintable()
    assert 0 < len(said) < 400
