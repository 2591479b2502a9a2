"""The real HdrHistogram libraries of other languages read our log and agree on every figure."""

import json
import os
import random
import subprocess
from pathlib import Path

import pytest

from stresser.model.cohort import Cohort
from stresser.model.quantity import HIGHEST_NS, Quantity
from stresser.record.histogram_log import IntervalLines, header, histogram_tag
from stresser.statistics.duration_counts import SparseCounts
from tests.fakes.tools import missing, tool

ANCHOR = 1_795_418_726_123_456_789
HERE = Path(__file__).parent
JAR = Path("/usr/share/java/hdrhistogram.jar")
NODE_MODULES = os.environ.get("STRESSER_NODE_MODULES")


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    """A log of two intervals, and what each line should be read as."""
    draw = random.Random(42)  # noqa: S311 - a fixed seed, no secret
    keys = [
        (Quantity.RTT, Cohort("broker", "vpn", "heartbeat")),
        (Quantity.TLS, Cohort("a.b-c_d", "direct", "silent")),
        (Quantity.LOOP_LAG, None),
    ]
    path = tmp_path_factory.mktemp("log") / "histograms.hlog"
    lines, expected = header(ANCHOR), []
    for start_s in (0, 10):
        interval = IntervalLines(start_s * 10**9)
        for key in keys:
            values = [int(draw.lognormvariate(17, 1.5)) for _ in range(2000)]
            counts = SparseCounts.of([*values, 0, 1, HIGHEST_NS])
            interval.add({key: counts})
            expected.append(as_row(histogram_tag(key), start_s, counts.distribution()))
        lines += interval.lines((start_s + 10) * 10**9)
    path.write_bytes(lines)
    return path, expected


def as_row(tag, start_s, distribution):
    return {
        "tag": tag,
        "start_ms": ANCHOR // 10**6 + start_s * 1000,
        "length_ms": 10_000,
        "count": distribution.count,
        "p50": distribution.quantile(0.5),
        "p99": distribution.quantile(0.99),
        "max": distribution.max,
        "mean": distribution.mean,
    }


def assert_same(output, expected):
    rows = [json.loads(line) for line in output.splitlines()]
    assert [row["tag"] for row in rows] == [row["tag"] for row in expected]
    for row, wanted in zip(rows, expected, strict=True):
        assert row.pop("mean") == pytest.approx(wanted["mean"], rel=1e-6)
        assert row == {name: value for name, value in wanted.items() if name != "mean"}


@pytest.mark.slow
def test_the_java_library_reads_the_log(log):
    path, expected = log
    if not JAR.exists():
        missing("no jar: apt-get install libhdrhistogram-java")
    done = subprocess.run(
        [tool("java"), "-cp", str(JAR), str(HERE / "HdrLogReader.java"), str(path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert_same(done.stdout, expected)


def test_the_javascript_library_reads_the_log(log):
    path, expected = log
    if NODE_MODULES is None or not (Path(NODE_MODULES) / "hdr-histogram-js").is_dir():
        missing("STRESSER_NODE_MODULES names no node_modules with hdr-histogram-js")
    done = subprocess.run(
        [tool("node"), str(HERE / "hdr_log_reader.js"), str(path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "NODE_PATH": NODE_MODULES},
    )
    assert done.returncode == 0, done.stderr
    assert_same(done.stdout, expected)
