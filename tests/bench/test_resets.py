import re
import subprocess
import sys
from pathlib import Path

import pytest

from bench.capture import Flow
from bench.peer import BenchError
from bench.resets import differences_ms, quantile
from tests.fakes.tools import root

ANCHOR = 1_800_000_000_000_000_000
ITS_CLOCKS_MS = 0.1
"""The kernel dates a packet by the wall clock, stresser by the monotonic one."""


def ending(port, detected_at_ns, kind="tcp_reset", server="127.0.0.3:9443", *, planned=False):
    return {
        "local": f"127.0.0.1:{port}",
        "remote": server,
        "kind": kind,
        "planned": planned,
        "detected_at_ns": detected_at_ns,
    }


def test_differences_are_joined_on_server_address_and_local_port():
    endings = [
        ending(40_000, 2_000_000),
        ending(40_000, 9_000_000, server="127.0.0.4:9443"),
    ]
    packets = {
        Flow("127.0.0.4:9443", 40_000): ANCHOR + 6_000_000,
        Flow("127.0.0.3:9443", 40_000): ANCHOR + 1_500_000,
    }
    assert differences_ms(endings, packets, ANCHOR) == [0.5, 3.0]


def test_a_recorded_time_before_the_packet_stays_negative():
    packets = {Flow("127.0.0.3:9443", 40_000): ANCHOR + 5_000_000}
    assert differences_ms([ending(40_000, 1_000_000)], packets, ANCHOR) == [-4.0]


@pytest.mark.parametrize(
    ("endings", "said"),
    [
        ([], "nothing"),
        ([ending(40_000, 1, planned=True)], "nothing"),
        ([ending(40_000, 1, kind="tcp_fin")], "tcp_fin"),
    ],
    ids=["no ending", "planned", "another kind"],
)
def test_a_reset_without_its_ending_is_an_error(endings, said):
    with pytest.raises(BenchError, match=f"recorded {said}"):
        differences_ms(endings, {Flow("127.0.0.3:9443", 40_000): ANCHOR}, ANCHOR)


@pytest.mark.parametrize(("share", "value"), [(0.5, 50), (0.99, 99), (1.0, 100), (0.001, 1)])
def test_a_quantile_is_a_value_of_the_series(share, value):
    assert quantile(range(100, 0, -1), share) == value


@pytest.mark.scale
def test_500_resets_at_once_are_all_dated_and_none_before_its_packet():
    """The whole benchmark with its own judge, an AF_PACKET capture.

    How late they are dated is the machine's as well: the benchmark says whether its goal is met.
    """
    root()
    pytest.importorskip("picows")

    done = subprocess.run(
        [sys.executable, "-m", "bench.resets", "--rounds", "2"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode in {0, 1}, done.stdout + done.stderr
    assert ("missed" if done.returncode else "met") in done.stdout
    rows = re.findall(r"^ +\d+ +(\d+) +\w+_ns +(-?[\d.]+)", done.stdout, re.MULTILINE)
    assert [int(resets) for resets, _ in rows] == [500] * 4
    assert min(float(earliest_ms) for _, earliest_ms in rows) > -ITS_CLOCKS_MS
