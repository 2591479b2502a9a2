import os
import socket

import pytest

from stresser.model.errors import RunFolderError
from stresser.record.reader import open_run
from stresser.record.regular_file import open_regular
from tests.analysis.story import idle_kill_story


def test_a_regular_file_is_read(tmp_path):
    (tmp_path / "file").write_bytes(b"text")
    with open_regular(tmp_path / "file") as file:
        assert file.read() == b"text"


def link(path):
    path.symlink_to("/etc/passwd")


def unix_socket(path):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))


def device(path):
    try:
        os.mknod(path, 0o020666, os.makedev(1, 5))  # /dev/zero, which never ends
    except PermissionError:
        pytest.skip("only root makes devices")


@pytest.mark.parametrize("make", [link, os.mkfifo, os.mkdir, unix_socket, device])
def test_what_is_none_is_refused_at_once(tmp_path, make):
    make(tmp_path / "file")
    with pytest.raises(OSError, match="it is no regular file"):
        open_regular(tmp_path / "file")


def test_a_missing_file_is_missing(tmp_path):
    with pytest.raises(FileNotFoundError):
        open_regular(tmp_path / "file")


@pytest.mark.parametrize("name", ["events.jsonl", "histograms.hlog", "manifest.json"])
@pytest.mark.parametrize("make", [link, os.mkfifo])
def test_a_run_with_such_a_file_does_not_hang_and_says_so(tmp_path, name, make):
    path = idle_kill_story().recorded(tmp_path / "run").path
    (path / name).unlink()
    make(path / name)
    try:
        run = open_run(path)
        list(run.events())
        run.histograms()
        told = run.damage
    except RunFolderError as error:
        told = list(error.lines)
    assert any(f"{name}: cannot be read: it is no regular file" in line for line in told)
