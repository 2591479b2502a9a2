import os
import platform
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
import trio

import stresser
from stresser.model.units import format_utc
from stresser.record.host_facts import gather_manifest, lives, this_process
from stresser.record.manifest import ProcessIdentity, Status

ANCHOR = 1_795_418_726_123_456_789
HAS_PROC = Path("/proc/self/stat").exists()
LINUX = pytest.mark.skipif(not HAS_PROC, reason="no /proc: a process has no start time here")
# Says who it is, then waits for its standard input to end.
CHILD = (
    "import sys, msgspec; from stresser.record.host_facts import this_process;"
    "print(msgspec.json.encode(this_process()).decode(), flush=True); sys.stdin.read()"
)


@pytest.fixture
def child():
    with subprocess.Popen(
        [sys.executable, "-c", CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        yield process, msgspec.json.decode(process.stdout.readline(), type=ProcessIdentity)
        process.kill()


def gather():
    return gather_manifest(
        scenario={"name": "q"},
        anchor_unix_ns=ANCHOR,
        command_line=["stresser", "run", "q"],
        capabilities={"capture": False},
        socket_options={"TCP_USER_TIMEOUT": 30_000},
    )


def test_a_manifest_says_what_runs_where():
    manifest = gather()
    assert manifest.status is Status.RUNNING
    assert manifest.stresser == stresser.__version__
    assert manifest.anchor_unix_ns == ANCHOR
    assert manifest.started_utc == format_utc(ANCHOR)
    assert manifest.process.pid == os.getpid()
    assert platform.python_version() in manifest.versions["python"]
    assert "OpenSSL" in manifest.versions["openssl"]
    assert manifest.versions["trio"] == trio.__version__
    assert manifest.host["processors"] == os.cpu_count()
    assert manifest.socket_options == {"TCP_USER_TIMEOUT": 30_000}


@pytest.mark.skipif(not Path("/proc/sys/net/ipv4").exists(), reason="no sysctls here")
def test_the_sysctls_that_decide_timings_are_in_it():
    manifest = gather()
    retries = Path("/proc/sys/net/ipv4/tcp_retries2").read_text().strip()
    assert manifest.kernel["net.ipv4.tcp_retries2"] == retries
    assert len(manifest.kernel["net.ipv4.ip_local_port_range"].split()) == 2
    assert all(set(value) & set("\t\n") == set() for value in manifest.kernel.values())


@pytest.mark.skipif(sys.platform == "win32", reason="no resource limits on Windows")
def test_the_file_limit_is_in_it():
    import resource

    manifest = gather()
    assert manifest.limits["RLIMIT_NOFILE"]["soft"] in {
        resource.getrlimit(resource.RLIMIT_NOFILE)[0],
        -1,
    }


def test_this_process_lives():
    assert lives(this_process()) is True


@LINUX
def test_a_process_that_was_killed_does_not_live_even_before_it_is_reaped(child):
    process, identity = child
    assert lives(identity) is True
    process.send_signal(signal.SIGKILL)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert lives(identity) is False  # a zombie now
    process.wait()
    assert lives(identity) is False


@LINUX
def test_another_process_with_its_number_is_not_taken_for_it(child):
    _, identity = child
    recycled = msgspec.structs.replace(this_process(), pid=identity.pid)
    assert lives(recycled) is False


def test_another_boot_ended_it():
    assert lives(msgspec.structs.replace(this_process(), boot_id="before")) is False


def test_another_host_cannot_be_seen_from_here():
    elsewhere = msgspec.structs.replace(this_process(), boot_id="its own", host="elsewhere")
    assert lives(elsewhere) is None


def test_another_pid_namespace_cannot_be_seen_from_here():
    assert lives(msgspec.structs.replace(this_process(), pid_namespace="pid:[1]")) is None


@pytest.mark.skipif(os.name != "posix", reason="kill(pid, 0) asks nothing on Windows")
def test_without_a_start_time_the_number_alone_is_asked_for(child):
    process, identity = child
    assert lives(msgspec.structs.replace(identity, started=None)) is True
    process.kill()
    process.wait()
    assert lives(msgspec.structs.replace(identity, started=None)) is False


@pytest.mark.parametrize("pid", [2**31 + 1, 2**70])
def test_a_number_that_no_process_can_have_does_not_break_it(pid):
    impossible = msgspec.structs.replace(this_process(), pid=pid)
    assert lives(impossible) in {False, None}
    assert lives(msgspec.structs.replace(impossible, started=None)) in {True, False, None}
