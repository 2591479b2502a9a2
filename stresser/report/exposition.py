"""The figures of a run as Prometheus reads them. Imported only where a run serves them.

Names follow prometheus.io/docs/practices/naming: base units as a suffix, `_total` for counters.
prometheus_client writes the text and escapes the labels.
"""

import platform
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate
from typing import Final

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.registry import Collector

from stresser import __version__
from stresser.analysis.counts.cohort_tally import FailedBy
from stresser.model.cohort import Cohort
from stresser.model.quantity import Quantity
from stresser.model.units import NS_PER_S, escaped
from stresser.report.metrics import BOUNDS_NS, PHASES, CohortReading, FixedBuckets, MetricsReading
from stresser.run.scrape_server import PageType

_COHORT: Final = ("endpoint", "egress", "activity")
_BY: Final = ("phase", "kind", "initiator")
_LONGEST_LABEL: Final = 128
_LE: Final = [*(f"{ns / NS_PER_S:g}" for ns in BOUNDS_NS), "+Inf"]
_GAUGES: Final[dict[str, tuple[str, Callable[[CohortReading], int]]]] = {
    "stresser_sessions_requested": (
        "Sessions that the scenario asks for.",
        lambda one: one.requested,
    ),
    "stresser_sessions_open": ("Sessions that are open now.", lambda one: one.open),
}
_COUNTERS: Final[dict[str, tuple[str, Callable[[CohortReading], int]]]] = {
    "stresser_attempts": (
        "Attempts that opened a session or failed.",
        lambda one: one.attempts,
    ),
    "stresser_failures": ("Attempts that failed.", lambda one: one.failures),
    "stresser_drops": (
        "Sessions that ended unplanned while held, neither through this host nor stresser.",
        lambda one: one.drops,
    ),
    "stresser_sessions_proved": (
        "Sessions that the plan ended and that proved to have lived until then.",
        lambda one: one.proved,
    ),
    "stresser_sessions_unproved": (
        "Sessions that the plan ended and of which nothing shows that they lived until then.",
        lambda one: one.unproved,
    ),
}
_KINDS: Final[dict[str, tuple[str, Callable[[CohortReading], Counter[FailedBy]]]]] = {
    "stresser_failures_by_kind": (
        "stresser_failures_total by what happened: a series begins with its first failure.",
        lambda one: one.failures_by,
    ),
    "stresser_drops_by_kind": (
        "stresser_drops_total by what happened: a series begins with its first drop.",
        lambda one: one.drops_by,
    ),
}


def metrics_page(reading: MetricsReading, wanted: PageType) -> bytes:
    """The text of one scrape. Takes some milliseconds: for a thread."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Figures(reading))
    ProcessCollector(registry=registry)
    if wanted is PageType.OPENMETRICS:
        page: bytes = generate_openmetrics(registry)  # type: ignore[no-untyped-call] # its module
        return page
    return generate_latest(registry)


class _Figures(Collector):
    def __init__(self, reading: MetricsReading) -> None:
        self._reading = reading

    def collect(self) -> Iterable[Metric]:
        yield from _about(self._reading)
        yield from _of_cohorts(self._reading.cohorts)
        yield from _durations(self._reading.durations)


def _about(reading: MetricsReading) -> Iterator[Metric]:
    yield InfoMetricFamily(
        "stresser_build",
        "The version that runs.",
        {"version": __version__, "python": platform.python_version()},
    )
    yield InfoMetricFamily(
        "stresser_run",
        "The run that goes on.",
        {
            "scenario": escaped(reading.scenario, _LONGEST_LABEL),
            "folder": escaped(reading.run, _LONGEST_LABEL),
        },
    )
    yield GaugeMetricFamily(
        "stresser_run_start_time_seconds",
        "When the run began, since 1970.",
        reading.start_unix_ns / NS_PER_S,
    )
    yield CounterMetricFamily(
        "stresser_unfit_seconds",
        "Time in which stresser was too late to judge sessions.",
        reading.unfit_ns / NS_PER_S,
    )
    yield CounterMetricFamily(
        "stresser_host_slept_seconds",
        "Time in which this host was suspended.",
        reading.slept_ns / NS_PER_S,
    )


def _of_cohorts(cohorts: dict[Cohort, CohortReading]) -> Iterator[Metric]:
    for name, (means, figure) in _GAUGES.items():
        gauge = GaugeMetricFamily(name, means, labels=_COHORT)
        for cohort, one in cohorts.items():
            gauge.add_metric(_labels(cohort), figure(one))
        yield gauge
    for name, (means, figure) in _COUNTERS.items():
        counter = CounterMetricFamily(name, means, labels=_COHORT)
        for cohort, one in cohorts.items():
            counter.add_metric(_labels(cohort), figure(one))
        yield counter
    yield _other_endings(cohorts)
    for name, (means, figures) in _KINDS.items():
        counter = CounterMetricFamily(name, means, labels=(*_COHORT, *_BY))
        for cohort, one in cohorts.items():
            for by, count in figures(one).items():
                counter.add_metric([*_labels(cohort), *by], count)
        yield counter


def _other_endings(cohorts: dict[Cohort, CohortReading]) -> Metric:
    counter = CounterMetricFamily(
        "stresser_other_endings",
        "Endings that are no drops: as planned, while this host slept or gave no CPU, or through"
        " limits of stresser (tool; failed attempts of that kind are among them).",
        labels=(*_COHORT, "initiator"),
    )
    for cohort, one in cohorts.items():
        for who, count in (("plan", one.planned), ("host", one.by_host), ("tool", one.by_tool)):
            counter.add_metric([*_labels(cohort), who], count)
    return counter


def _durations(durations: dict[tuple[Quantity, Cohort | None], FixedBuckets]) -> Iterator[Metric]:
    rtt = HistogramMetricFamily(
        "stresser_rtt_seconds", "From a ping's due time to its pong.", labels=_COHORT
    )
    phases = HistogramMetricFamily(
        "stresser_handshake_phase_seconds",
        "Duration of each phase of the handshakes.",
        labels=(*_COHORT, "phase"),
    )
    lag = HistogramMetricFamily(
        "stresser_loop_lag_seconds",
        "How late stresser's own event loop was, asked twenty times a second.",
        labels=(),
    )
    for (quantity, cohort), buckets in durations.items():
        labels = [] if cohort is None else _labels(cohort)
        if quantity in PHASES:
            phases.add_metric([*labels, quantity.value], *_counted(buckets))
        else:
            (rtt if quantity is Quantity.RTT else lag).add_metric(labels, *_counted(buckets))
    yield from (rtt, phases, lag)


def _counted(buckets: FixedBuckets) -> tuple[list[tuple[str, float]], float]:
    """What is at most each bound, and the sum in seconds."""
    return list(zip(_LE, accumulate(buckets.counts), strict=True)), buckets.sum_ns / NS_PER_S


def _labels(cohort: Cohort) -> list[str]:
    return [escaped(name, _LONGEST_LABEL) for name in cohort]
