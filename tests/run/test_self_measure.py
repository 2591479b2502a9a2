"""A measurement made small: its figures are those of sessions that were really held."""

import subprocess
import sys

import msgspec
import pytest
import trio

from stresser.cli.scenario_lab import lab_for
from stresser.model.errors import LabError
from stresser.model.measured_limits import MeasuredLimits
from stresser.run import self_measure
from stresser.run.self_measure import SelfMeasurement
from tests.cli.run_process import ROOT

pytestmark = pytest.mark.slow


def measured(measurement: SelfMeasurement) -> MeasuredLimits:
    async def story() -> MeasuredLimits:
        async with lab_for(measurement.scenario, measurement.on_kill) as ready:
            assert ready is not None
            return await measurement.run(ready)

    return trio.run(story)


SMALL = """
import msgspec
from stresser.run.self_measure import SelfMeasurement
from tests.run.test_self_measure import measured
print(msgspec.json.encode(measured(SelfMeasurement(sessions=40, scale=0.2))).decode())
"""


def test_a_small_measurement_has_every_figure():
    # As the command makes it, in a process whose heap has no room left over from others.
    done = subprocess.run(
        [sys.executable, "-c", SMALL], cwd=ROOT, capture_output=True, check=True, timeout=100
    )
    found = msgspec.json.decode(done.stdout, type=MeasuredLimits)
    assert found.sessions_held == 40
    assert 1_000 < found.bytes_a_session < 1_000_000
    assert 1 < found.handshakes_per_second < 100_000
    assert 1 < found.pings_per_second < 1_000_000
    assert 0 < found.timer_p50_ns <= found.timer_p99_ns
    assert 0 <= found.dating_p50_ns <= found.dating_p99_ns < 60_000_000_000
    assert found.memory_bytes > found.bytes_a_session


def test_where_sessions_do_not_come_to_an_end_in_time_it_says_so(monkeypatch):
    monkeypatch.setattr(self_measure, "_PATIENCE_S", 0.0)
    with pytest.raises(LabError, match="too busy to be measured: 0 of 5 sessions"):
        measured(SelfMeasurement(sessions=5))
