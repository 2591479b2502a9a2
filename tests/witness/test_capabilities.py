"""What a machine can witness is what its witnesses say when they are asked."""

import json
import shutil
import subprocess
import sys

import pytest

from stresser.witness.capabilities import capabilities, in_words, survey
from stresser.witness.clock import suspended_ns
from stresser.witness.tcp_info import sample_tcp_info
from tests.fakes.namespace import needs, needs_namespaces
from tests.net.peers import tcp_pair

linux = pytest.mark.skipif(sys.platform != "linux", reason="Linux's witnesses")


def test_what_is_claimed_works():
    near, far = tcp_pair()
    with near, far:
        claimed = capabilities()
        assert claimed["tcp_info"] == (sample_tcp_info(near) is not None)
    assert claimed["suspend"] == (suspended_ns() is not None)
    assert all(isinstance(value, bool) for value in claimed.values())


def test_each_says_what_it_is_for_and_why_it_is_there_or_not():
    found = survey()
    assert len({one.name for one in found}) == len(found)
    assert all(one.sees and one.why for one in found)
    assert not any(one.enable for one in found if one.available)
    assert capabilities() == {one.name: one.available for one in found}


@linux
def test_linux_witnesses_what_needs_no_right():
    unprivileged = {"tcp_info", "path", "suspend", "clock_steps", "run_queue"}
    assert {name for name, there in capabilities().items() if there} >= unprivileged


def test_an_errno_in_words():
    assert in_words(PermissionError(1, "Operation not permitted")) == (
        "Operation not permitted (EPERM)"
    )


ASK = """
import json, msgspec
from stresser.witness.capabilities import survey
print(json.dumps(msgspec.to_builtins(survey())))
"""


def survey_of(*wrapper):
    """What a process with other rights finds."""
    asked = subprocess.run(
        [*wrapper, sys.executable, "-c", ASK], capture_output=True, text=True, check=False
    )
    needs(asked.returncode == 0, f"{wrapper[0]} does not start Python: {asked.stderr[-200:]}")
    return {one["name"]: one for one in json.loads(asked.stdout)}


NOBODY = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups")


@pytest.mark.slow
@linux
def test_without_the_right_it_says_so_and_the_command_it_gives_works():
    needs_namespaces()
    needs(shutil.which("setpriv"), "needs setpriv")
    packets = survey_of(*NOBODY)["packets"]
    assert not packets["available"]
    assert packets["why"] == "an AF_PACKET socket: Operation not permitted (EPERM)"
    alone, for_good = packets["enable"]
    assert alone.startswith("sudo setpriv --reuid 65534 --regid 65534 ")
    assert sys.executable in alone
    assert for_good.startswith("sudo setcap cap_net_raw+eip /")
    given = alone.removeprefix("sudo ").partition(" -- ")[0].split()
    assert survey_of(*given, "--")["packets"]["available"]


@linux
def test_a_root_without_the_right_is_told_of_containers():
    needs_namespaces()
    needs(shutil.which("setpriv"), "needs setpriv")
    packets = survey_of("setpriv", "--bounding-set", "-net_raw", "--inh-caps", "-net_raw")
    assert not packets["packets"]["available"]
    assert "--cap-add NET_RAW" in packets["packets"]["enable"][0]
