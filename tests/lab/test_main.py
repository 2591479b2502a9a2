import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.lab.lab_child import LabChild, endpoint
from tests.lab.plain_client import PlainClient, eventually

PLAN = {"endpoints": [endpoint("tls://echo", "echo")]}


def run_lab(text):
    return subprocess.run(
        [sys.executable, "-m", "stresser.lab"],
        input=text,
        capture_output=True,
        timeout=30,
        check=False,
    )


@pytest.mark.slow
def test_one_ready_line_then_an_end_with_standard_input():
    done = run_lab(json.dumps(PLAN).encode() + b"\n")
    assert (done.returncode, done.stderr) == (0, b"")
    (line,) = done.stdout.splitlines()
    ready = json.loads(line)
    assert ready["server_name"] == "echo.lab.test"
    assert [(a["endpoint"], a["egress"]) for a in ready["addresses"]] == [("echo", None)]
    assert not Path(ready["ca_file"]).exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "got no plan"),
        (b"not json\n", "cannot read its plan"),
        (b'{"endpoints": [{"name": "e", "scheme": "tls", "behaviour": "x"}]}\n', "knows no"),
    ],
)
def test_a_bad_plan_is_told_in_lines_without_a_traceback(text, said):
    done = run_lab(text)
    assert done.returncode == 3
    assert said in done.stderr.decode()
    assert "Traceback" not in done.stderr.decode()


def test_sigterm_ends_it_in_order():
    child = LabChild(PLAN)
    child.process.send_signal(signal.SIGTERM)
    assert child.process.wait(10) == 0
    assert child.close() == (0, "")
    assert not Path(child.ready["ca_file"]).parent.exists()


@pytest.mark.slow
def test_sigint_does_not():
    with LabChild(PLAN) as child:
        child.process.send_signal(signal.SIGINT)
        with PlainClient(child.port("echo")) as client:
            client.handshake().write(b"still there")
            assert client.read() == b"still there"


@pytest.mark.slow
def test_it_ends_with_a_parent_that_is_killed():
    # A parent of its own, so that it can be killed without a chance to say goodbye.
    parent: Any = subprocess.Popen(
        [sys.executable, "-c", PARENT, json.dumps(PLAN)], stdout=subprocess.PIPE
    )
    ready = json.loads(parent.stdout.readline())
    assert psutil.pid_exists(ready["pid"])
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait(10)
    parent.stdout.close()
    eventually(lambda: not running(ready["pid"]), "the lab ends too")
    eventually(lambda: not Path(ready["ca_file"]).parent.exists(), "its folder is gone")


def running(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.slow
def test_whose_parent_is_killed_ends_after_those_that_it_serves():
    # By then the workers of a run have learned that their run is gone: no drop of theirs.
    child = LabChild(PLAN)
    with PlainClient(child.port("echo")) as client:
        stream = client.handshake()
        since = time.monotonic()
        child.process.stdin.close()
        stream.write(b"still there")
        assert client.read() == b"still there"
        assert child.process.wait(10) == 0
        assert time.monotonic() - since >= 2.0
    assert child.close() == (0, "")


PARENT = """
import subprocess, sys, time
lab = subprocess.Popen([sys.executable, "-m", "stresser.lab"], stdin=subprocess.PIPE)
lab.stdin.write(sys.argv[1].encode() + b"\\n")
lab.stdin.flush()
lab.wait()
"""


@pytest.mark.slow
def test_it_raises_its_own_file_limit():
    with LabChild(PLAN) as child:
        soft, hard = psutil.Process(child.ready["pid"]).rlimit(psutil.RLIMIT_NOFILE)
        assert soft == hard


@pytest.mark.slow
def test_kills_that_nobody_reads_stall_nobody():
    # Standard output is the smallest pipe; nobody reads it after the ready line.
    plan = PLAN | {
        "middleboxes": {"box": {"on_client_hello": True}},
        "routes": [{"egress": "box", "endpoint": "echo"}],
    }
    process: Any = subprocess.Popen(
        [sys.executable, "-m", "stresser.lab"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    process.stdin.write(json.dumps(plan).encode() + b"\n")
    process.stdin.flush()
    fcntl.fcntl(process.stdout.fileno(), fcntl.F_SETPIPE_SZ, 4096)
    ready = json.loads(process.stdout.readline())
    ports = {one["egress"]: one["port"] for one in ready["addresses"]}
    for _ in range(50):  # some 7 KiB of kill records
        with PlainClient(ports["box"]) as client:
            assert isinstance(client.try_handshake(), ConnectionResetError)
    with PlainClient(ports[None]) as client:
        client.handshake()
    process.stdin.close()
    assert process.wait(10) == 0
    process.stdout.close()
