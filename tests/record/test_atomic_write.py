import errno
import os
import threading

import pytest

from stresser.record.atomic_write import write_atomically


@pytest.mark.parametrize("durable", [True, False])
def test_a_file_is_made_and_replaced(tmp_path, durable):
    path = tmp_path / "file"
    for text in (b"one", b"", b"x" * 1_000_000):
        write_atomically(path, text, durable=durable)
        assert path.read_bytes() == text
    assert list(tmp_path.iterdir()) == [path]


def test_a_reader_sees_the_old_or_the_new_and_never_a_part(tmp_path):
    path = tmp_path / "file"
    texts = {bytes([65 + n]) * 100_000 for n in range(3)}
    write_atomically(path, b"A" * 100_000)
    done = threading.Event()

    def write_many():
        for _ in range(50):
            for text in sorted(texts):
                write_atomically(path, text, durable=False)
        done.set()

    writing = threading.Thread(target=write_many)
    writing.start()
    seen = set()
    while not done.is_set():
        seen.add(path.read_bytes())
    writing.join()
    assert seen <= texts


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "file"
    write_atomically(path, b"old")
    (tmp_path / ".file.tmp").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space") as caught:
        write_atomically(path, b"new")
    assert caught.value.errno == errno.ENOSPC
    assert path.read_bytes() == b"old"
    assert not os.path.lexists(tmp_path / ".file.tmp")


def test_a_missing_folder_is_an_oserror(tmp_path):
    with pytest.raises(FileNotFoundError):
        write_atomically(tmp_path / "no" / "file", b"")
