"""Processes that wait for orders: what they know, and that none is left."""

import errno
import os
import signal
import sys
from pathlib import Path

import pytest
import trio

from stresser.model.errors import PreflightError
from stresser.run.worker_process import started_workers
from tests.lab.plain_client import eventually

pytestmark = [
    pytest.mark.slow,  # processes
    pytest.mark.skipif(sys.platform == "win32", reason="on Windows one process holds all"),
]


def environment_of(pid):
    return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")


def exists(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_none_is_left_when_the_run_was_not_to_be():
    async def main():
        async with started_workers(3) as workers:
            pids.extend(worker.pid for worker in workers)
            assert [worker.number for worker in workers] == [1, 2, 3]
            assert all(exists(pid) for pid in pids)
            raise ZeroDivisionError

    pids: list[int] = []
    with pytest.raises(ZeroDivisionError):  # as it was raised, in no group
        trio.run(main)
    assert len(pids) == 3
    assert not any(exists(pid) for pid in pids)


@pytest.mark.skipif(sys.platform != "linux", reason="/proc")
def test_secrets_of_the_environment_are_not_in_theirs(monkeypatch):
    monkeypatch.setenv("STRESSER_TEST_TOKEN", "hidden")
    monkeypatch.setenv("STRESSER_TEST_PLAIN", "shown")

    async def main():
        async with started_workers(1, {"STRESSER_TEST_TOKEN"}) as [worker]:
            # execve() closes what tells us of its success before the new stack has its strings.
            eventually(lambda: environment_of(worker.pid) != [b""], "its environment")
            environment = environment_of(worker.pid)
            assert b"STRESSER_TEST_PLAIN=shown" in environment
            assert b"STRESSER_TEST_TOKEN=hidden" not in environment

    trio.run(main)


def test_one_that_cannot_be_started_is_told_in_one_line(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")

    async def main():
        with pytest.raises(PreflightError) as told:
            async with started_workers(2):
                pass
        assert str(told.value).startswith(
            f"sessions.workers: worker 1 of 2 cannot be started: {os.strerror(errno.ENOENT)};"
        )

    trio.run(main)


def test_how_it_ended_is_told_in_words():
    async def main():
        async with started_workers(3) as [killed, left, ended]:
            os.kill(killed.pid, signal.SIGKILL)
            assert await killed.gone() == "killed by SIGKILL"
            assert killed.has_ended()
            assert not killed.met_a_bug
            left.link.close()
            assert await left.gone() == "ended with exit code 0"
            assert left.has_ended()
            ended.kill()
            assert await ended.gone() == "said nothing more, and was ended"

    trio.run(main)
