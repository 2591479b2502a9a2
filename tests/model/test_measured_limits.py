"""Figures of a machine, and that a damaged file gives none that nothing can be divided by."""

from typing import Any

import msgspec
import pytest

from stresser.model.measured_limits import MeasuredLimits

FIGURES: dict[str, Any] = {
    "stresser": "0.2.0",
    "measured_utc": "2026-11-30T18:13:40.418103Z",
    "sessions_held": 500,
    "bytes_a_session": 1 << 15,
    "memory_bytes": 1 << 31,
    "handshakes_per_second": 100.0,
    "pings_per_second": 1000.0,
    "timer_p50_ns": 900_000,
    "timer_p99_ns": 2_000_000,
    "dating_p50_ns": 50_000,
    "dating_p99_ns": 1_000_000,
    "without_cpu": 0.25,
}
LIMITS = msgspec.convert(FIGURES, MeasuredLimits)


@pytest.mark.parametrize(
    ("processes", "processors", "times"), [(1, 8, 1), (3, 8, 3), (3, 2, 2), (4, 0, 1)]
)
def test_rates_of_several_processes_are_those_of_as_many_cores(processes, processors, times):
    found = LIMITS.of_processes(processes, processors)
    assert found.handshakes_per_second == LIMITS.handshakes_per_second * times
    assert found.pings_per_second == LIMITS.pings_per_second * times
    assert found.sessions == LIMITS.sessions


def test_sessions_by_memory():
    assert (LIMITS.sessions_per_gib, LIMITS.sessions) == (32_768, 65_536)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("bytes_a_session", 0),
        ("memory_bytes", -1),
        ("handshakes_per_second", 0.0),
        ("pings_per_second", float("nan")),
        ("pings_per_second", float("inf")),
        ("timer_p99_ns", -1),
        ("without_cpu", 1.5),
    ],
)
def test_a_figure_that_cannot_be_is_refused(name, value):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(FIGURES | {name: value}, MeasuredLimits)
