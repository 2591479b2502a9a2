"""The text of a scrape, judged by prometheus_client's own parsers and by promtool."""

import re
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from stresser import __version__
from stresser.model.cohort import Cohort
from stresser.model.quantity import Quantity
from stresser.model.units import NS_PER_MS, NS_PER_S
from stresser.report.exposition import metrics_page
from stresser.report.metrics import BOUNDS_NS, PHASES, CohortReading, MetricsReading
from stresser.run.scrape_server import PageType
from tests.analysis.story import VPN, Story
from tests.fakes.tools import tool
from tests.report.test_metrics import eventful, metrics_of

DOCS = Path(__file__).parents[2] / "docs"


def page(wanted: PageType, story: Story | None = None) -> str:
    metrics = metrics_of(eventful() if story is None else story)
    for quantity in (*PHASES, Quantity.RTT):
        metrics.sample(quantity, VPN, 3 * NS_PER_MS)
        metrics.sample(quantity, VPN, 40_000 * NS_PER_MS)
    metrics.sample(Quantity.LOOP_LAG, None, NS_PER_MS)
    return metrics_page(metrics.reading(), wanted).decode()


def samples_of(text, read):
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in read(text)
        for sample in family.samples
    }


def labelled(cohort: Cohort, **more: str):
    return tuple(sorted((cohort._asdict() | more).items()))


@pytest.mark.parametrize(
    ("kind", "read"), [(PageType.TEXT, read_text), (PageType.OPENMETRICS, read_openmetrics)]
)
def test_figures_are_read_as_they_were_counted(kind, read):
    found = samples_of(page(kind), read)
    assert found["stresser_sessions_requested", labelled(VPN)] == 3
    assert found["stresser_sessions_open", labelled(VPN)] == 0
    assert found["stresser_attempts_total", labelled(VPN)] == 4
    assert found["stresser_failures_total", labelled(VPN)] == 2
    assert found["stresser_drops_total", labelled(VPN)] == 1
    assert found["stresser_other_endings_total", labelled(VPN, initiator="host")] == 1
    by = {"phase": "held", "kind": "tcp_reset", "initiator": "middlebox"}
    assert found["stresser_drops_by_kind_total", labelled(VPN, **by)] == 1
    by = {"phase": "tls", "kind": "timeout", "initiator": "unknown"}
    assert found["stresser_failures_by_kind_total", labelled(VPN, **by)] == 1
    assert found["stresser_rtt_seconds_bucket", labelled(VPN, le="0.0025")] == 0
    assert found["stresser_rtt_seconds_bucket", labelled(VPN, le="0.005")] == 1
    assert found["stresser_rtt_seconds_bucket", labelled(VPN, le="+Inf")] == 2
    assert found["stresser_rtt_seconds_sum", labelled(VPN)] == pytest.approx(40.003)
    assert found["stresser_handshake_phase_seconds_count", labelled(VPN, phase="tls")] == 2
    assert found["stresser_loop_lag_seconds_count", ()] == 1
    [build] = [dict(labels) for name, labels in found if name == "stresser_build_info"]
    assert build["version"] == __version__


def test_each_figure_is_under_its_own_name():
    """Every figure differs: none stands in another's place."""
    of_vpn = CohortReading(
        requested=2, open=3, attempts=4, failures=5, drops=6, proved=7, unproved=8, planned=9,
        by_host=10, by_tool=11, failures_by=Counter(), drops_by=Counter(),
    )  # fmt: skip
    reading = MetricsReading(
        scenario="s", run="f", start_unix_ns=12 * NS_PER_S, cohorts={VPN: of_vpn}, durations={},
        unfit_ns=13 * NS_PER_S, slept_ns=14 * NS_PER_S,
    )  # fmt: skip
    found = samples_of(metrics_page(reading, PageType.TEXT).decode(), read_text)
    own = {
        "sessions_requested": 2, "sessions_open": 3, "attempts_total": 4, "failures_total": 5,
        "drops_total": 6, "sessions_proved_total": 7, "sessions_unproved_total": 8,
    }  # fmt: skip
    assert {name: found[f"stresser_{name}", labelled(VPN)] for name in own} == own
    others = {"plan": 9, "host": 10, "tool": 11}
    name = "stresser_other_endings_total"
    assert {who: found[name, labelled(VPN, initiator=who)] for who in others} == others
    run = {"run_start_time_seconds": 12, "unfit_seconds_total": 13, "host_slept_seconds_total": 14}
    assert {name: found[f"stresser_{name}", ()] for name in run} == run
    about = dict(next(labels for name, labels in found if name == "stresser_run_info"))
    assert about == {"scenario": "s", "folder": "f"}


def test_each_histogram_has_the_fixed_buckets():
    bounds = [
        float(dict(labels)["le"])
        for name, labels in samples_of(page(PageType.TEXT), read_text)
        if name == "stresser_loop_lag_seconds_bucket"
    ]
    assert bounds == [*(pytest.approx(ns / 1e9) for ns in BOUNDS_NS), float("inf")]


def test_labels_that_a_damaged_run_may_have_are_escaped_and_cut():
    hostile = Cohort('a"}\n# TYPE x\\', "e" * 5000, "\x1b[31m")
    story = Story([hostile], 1)
    story.opens(hostile, 1)
    [labels] = [
        dict(labels)
        for name, labels in samples_of(page(PageType.TEXT, story), read_text)
        if name == "stresser_sessions_open"
    ]
    assert labels["endpoint"] == 'a"}\\n# TYPE x\\'
    assert len(labels["egress"]) == 128
    assert labels["activity"] == "\\x1b[31m"


def test_the_documentation_names_what_is_served_and_nothing_else():
    served = {
        name.removesuffix("_bucket").removesuffix("_sum").removesuffix("_count")
        for name, _ in samples_of(page(PageType.TEXT), read_text)
        if name.startswith("stresser_")
    }
    table = (DOCS / "metrics.md").read_text().partition("| name |")[2].partition("\n\n")[0]
    first_cells = [line.split("|")[1] for line in table.splitlines()[2:]]
    assert {name for cell in first_cells for name in re.findall("stresser_[a-z_]+", cell)} == served
    for used in (DOCS / "grafana/stresser.json", DOCS / "grafana/alerts.yml"):
        named = set(re.findall(r"\bstresser_[a-z_]+", used.read_text()))
        assert {re.sub("_(?:bucket|sum|count)$", "", name) for name in named} <= served


def test_promtool_finds_nothing_to_say():
    done = subprocess.run(
        [tool("promtool"), "check", "metrics"],
        input=page(PageType.TEXT), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
