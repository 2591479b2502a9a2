import os
import signal
import sys

import pytest

from bench.client import Job, parse_smaps_rollup, running_client
from bench.peer import BenchError


def job(folder):
    return Job(folder=folder, port=1, ca=folder, addresses=[], sessions=1, every_s=1)


def python(code):
    return lambda _job: [sys.executable, "-c", code]


def test_resident_and_proportional_memory_are_read():
    text = "559-7ff ---p 0 00:00 0 [rollup]\nRss:   1900 kB\nPss:   700 kB\nPss_Anon: 5 kB\n"
    assert parse_smaps_rollup(text) == {"rss_kib": 1900, "pss_kib": 700}


def test_text_without_these_lines_is_an_error():
    with pytest.raises(KeyError):
        parse_smaps_rollup("Size: 4 kB\n")


def test_cpu_and_memory_of_a_process_are_seen_from_outside(tmp_path):
    spin = "import time\nwhile True: time.process_time() < 1e9"
    with running_client(python(spin), job(tmp_path)) as client:
        client.wait_until(lambda: client.cpu_s() > 0.05, 20, "50 ms of CPU")
        assert client.memory()["rss_kib"] > 1_000


@pytest.mark.slow
def test_what_a_client_has_started_counts_as_well(tmp_path):
    spin = "import time\nwhile True: time.process_time() < 1e9"
    start = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {spin!r}])"
    with running_client(python(start), job(tmp_path)) as client:
        client.wait_until(lambda: client.cpu_s() > 2, 60, "the child's CPU")
        assert client.memory()["rss_kib"] > 10_000
        [_, child] = client._processes()
        os.kill(child, signal.SIGKILL)


def test_a_client_that_ends_is_noticed_with_its_last_words(tmp_path):
    command = python("raise SystemExit('no way')")
    said = r"code 1 while waiting for Godot:\nno way"
    with (
        running_client(command, job(tmp_path)) as client,
        pytest.raises(BenchError, match=said),
    ):
        client.wait_until(lambda: False, 20, "Godot")


def test_a_client_is_stopped_by_sigterm_and_its_code_returned(tmp_path):
    code = (
        "import signal, sys\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})\n"
        "print('ready', flush=True)\n"
        "signal.sigwait({signal.SIGTERM})\n"
        "sys.exit(3)"
    )
    with running_client(python(code), job(tmp_path)) as client:
        client.wait_until(lambda: (tmp_path / "stdout").read_text() != "", 20, "its readiness")
        assert client.stop() == 3
