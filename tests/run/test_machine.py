"""What a machine can hold, as figures and as commands."""

import subprocess
import sys

import pytest

from stresser.model.units import NS_PER_S
from stresser.run.machine import examine, gives_up_after_ns

linux = pytest.mark.skipif(sys.platform != "linux", reason="limits as Linux has them")


@pytest.mark.parametrize(
    ("retries", "seconds"),
    [(0, 0.2), (1, 0.6), (8, 102.2), (9, 204.6), (15, 924.6)],
)
def test_how_long_the_kernel_sends_again(retries, seconds):
    """15 gives 924.6 seconds, says the kernel's own documentation."""
    assert gives_up_after_ns(retries) == pytest.approx(seconds * NS_PER_S)


def test_an_examination_has_all_three_parts():
    found = examine()
    assert {one.name for one in found.limits} == {"open files", "local ports", "memory"}
    assert any(one.name == "packets" for one in found.witnesses)
    assert any(one.name == "TCP_USER_TIMEOUT" for one in found.timings)
    assert sys.executable in found.python


SMALL = """
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (300, 1200))
from stresser.run.machine import examine
[files] = [one for one in examine().limits if one.name == "open files"]
print(files.sessions)
print(files.finding)
print(*files.enable, sep="\\n")
assert resource.getrlimit(resource.RLIMIT_NOFILE) == (300, 1200), "it changed something"
"""


@linux
def test_a_small_file_limit_says_how_many_sessions_and_how_to_have_more():
    asked = subprocess.run(
        [sys.executable, "-c", SMALL], capture_output=True, text=True, check=True
    )
    sessions, finding, *commands = asked.stdout.splitlines()
    assert int(sessions) == 1200 - 128 - 64
    assert finding.startswith("300 now, up to 1,200 allowed")
    assert commands[0].startswith("sudo prlimit --pid $$ --nofile=65536:65536")
    assert any("LimitNOFILE=65536" in command for command in commands)


@linux
def test_kernel_settings_are_told_with_what_they_mean():
    timings = {one.name: one for one in examine().timings}
    assert "gives up on unacknowledged data after about" in timings["net.ipv4.tcp_retries2"].means
    assert timings["net.ipv4.tcp_keepalive_*"].value.count("/") == 2
