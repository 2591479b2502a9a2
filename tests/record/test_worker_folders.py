"""Which folders are workers', and what is said of all else that lies there."""

import os
import time

import pytest

from stresser.record.folder import RunFolder
from stresser.record.worker_folders import (
    MOST_WORKERS,
    folders_of,
    missing_workers,
    odd_workers,
    worker_folders,
)


@pytest.fixture
def folder(tmp_path):
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    return folder


def make(folder, *names):
    for name in names:
        (folder.workers / str(name)).mkdir(parents=True)


def test_a_run_of_one_process_has_none(folder):
    assert worker_folders(folder) == {}
    assert folders_of(folder) == [folder]
    assert odd_workers(folder) == []
    assert missing_workers(folder, 1) == []


def test_they_are_in_the_order_of_their_numbers(folder):
    make(folder, 10, 2, 1, MOST_WORKERS)
    assert list(worker_folders(folder)) == [1, 2, 10, 64]
    paths = [one.path.relative_to(folder.path).as_posix() for one in folders_of(folder)]
    assert paths == [".", "workers/1", "workers/2", "workers/10", "workers/64"]
    assert odd_workers(folder) == []


def test_those_that_are_not_there_are_said(folder):
    assert missing_workers(folder, 3) == ["workers: the folders of 3 workers are missing (1, 2, 3)"]
    make(folder, 1, 3)
    assert missing_workers(folder, 3) == ["workers: the folders of 1 workers are missing (2)"]
    assert missing_workers(folder, 1) == []
    assert len(missing_workers(folder, 10**9)[0]) < 400


@pytest.mark.parametrize("name", ["0", "65", "999999", "01", "-1", "1 ", "one", "\x1b[2J", "²"])
def test_a_name_that_no_run_gives_is_not_looked_into(folder, name):
    make(folder, 1, name)
    assert list(worker_folders(folder)) == [1]
    assert odd_workers(folder) == ["workers: 1 names in it are no worker's"]


def test_a_link_leads_nowhere(folder, tmp_path):
    make(RunFolder(tmp_path / "others"), 1, 2)
    folder.workers.symlink_to(tmp_path / "others" / "workers")
    assert worker_folders(folder) == {}
    assert odd_workers(folder) == ["workers: is no folder of the run's own; it was not read"]
    folder.workers.unlink()
    make(folder, 1)
    (folder.workers / "2").symlink_to(tmp_path / "others" / "workers" / "2")
    assert list(worker_folders(folder)) == [1]
    assert odd_workers(folder) == ["workers/2: is no folder of the run's own; it was not read"]


def test_what_never_answers_is_not_asked(folder):
    os.mkfifo(folder.workers)
    assert worker_folders(folder) == {}
    assert odd_workers(folder) == ["workers: is no folder of the run's own; it was not read"]
    folder.workers.unlink()
    make(folder, 1)
    os.mkfifo(folder.workers / "3")
    assert odd_workers(folder) == ["workers/3: is no folder of the run's own; it was not read"]


def test_a_million_names_are_a_line(folder):
    make(folder, 7)
    for number in range(5000):
        (folder.workers / f"x{number}").touch()
    began = time.process_time()
    assert list(worker_folders(folder)) == [7]
    [line] = odd_workers(folder)
    assert time.process_time() - began < 1
    assert line in {
        "workers: 1000 or more names in it are no worker's",
        "workers: 999 or more names in it are no worker's",
    }
