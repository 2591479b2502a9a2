import contextlib
import errno
import resource
import stat
import threading

import pytest

from stresser.record.atomic_write import replacing, why_not, write_atomically, write_new


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
        for _ in range(15):
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
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(OSError, match="too large") as caught:
            write_atomically(path, b"new" * 1000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.errno == errno.EFBIG
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_block_that_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "file"
    write_atomically(path, b"old")
    with contextlib.suppress(ZeroDivisionError), replacing(path) as file:
        file.write(b"half")
        raise ZeroDivisionError
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("folder", "is_private", "expected"),
    [(0o755, False, 0o644), (0o700, False, 0o600), (0o770, False, 0o640), (0o755, True, 0o600)],
)
def test_a_file_is_its_owners_until_it_is_whole(tmp_path, folder, is_private, expected):
    tmp_path.chmod(folder)
    path = tmp_path / "file"
    with replacing(path, is_private=is_private):
        (temporary,) = tmp_path.iterdir()
        assert stat.S_IMODE(temporary.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.stat().st_mode) == expected


def test_a_link_in_place_of_the_file_is_replaced_and_not_followed(tmp_path):
    outside = tmp_path / "outside"
    outside.write_bytes(b"mine")
    (tmp_path / "file").symlink_to(outside)
    (tmp_path / ".file.tmp").symlink_to(outside)
    write_atomically(tmp_path / "file", b"new")
    assert outside.read_bytes() == b"mine"
    assert (tmp_path / "file").read_bytes() == b"new"
    assert not (tmp_path / "file").is_symlink()


def test_a_missing_folder_is_an_oserror(tmp_path):
    with pytest.raises(FileNotFoundError):
        write_atomically(tmp_path / "no" / "file", b"")


def test_a_new_file_replaces_none_unless_it_may(tmp_path):
    path = tmp_path / "file"
    write_new(path, b"first", force=False)
    with pytest.raises(FileExistsError) as exists:
        write_new(path, b"second", force=False)
    assert (path.read_bytes(), why_not(exists.value)) == (b"first", "File exists")
    write_new(path, b"second", force=True)
    assert path.read_bytes() == b"second"
    with pytest.raises(ValueError, match="null byte") as no_name:
        write_new(tmp_path / "\0", b"", force=False)
    assert why_not(no_name.value) == "that is no file's name"
