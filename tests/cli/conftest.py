"""Fixtures for tests of commands."""

import os
import signal
from collections.abc import Callable, Iterator

import pytest

from tests.cli.run_process import Run


@pytest.fixture
def start(tmp_path) -> Iterator[Callable[..., Run]]:
    runs: list[Run] = []

    def go(text: str, *options: str, **environment: str) -> Run:
        folder = tmp_path / str(len(runs))
        folder.mkdir()
        runs.append(Run(folder, text, *options, **environment))
        return runs[-1]

    yield go
    for run in runs:
        if run.process.poll() is None:
            os.killpg(run.process.pid, signal.SIGKILL)
        run.process.communicate()
