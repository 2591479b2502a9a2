import errno
import os
import threading

import pytest

from stresser.record.appender import Appender, AppendError, FileGoneError


@pytest.fixture
def path(tmp_path):
    return tmp_path / "log"


def test_lines_are_appended_to_what_is_there(path):
    path.write_bytes(b"old\n")
    file = Appender(path)
    file.append(b"one\n")
    file.append(bytearray(b"two\n"))
    file.close()
    assert path.read_bytes() == b"old\none\ntwo\n"


def test_a_full_device_is_an_error_with_its_cause(path):
    path.symlink_to("/dev/full")
    file = Appender(path)
    with pytest.raises(AppendError) as caught:
        file.append(b"x\n")
    file.close()
    assert caught.value.kept == 0
    assert isinstance(caught.value.__cause__, OSError)
    assert caught.value.__cause__.errno == errno.ENOSPC


def limited_append(path, *, all_or_nothing):
    """In a child with a file limit of 100 bytes: what an append of 30 lines of 10 says."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
        file = Appender(path)
        try:
            file.append(b"123456\n" * 30, all_or_nothing=all_or_nothing)
        except AppendError as error:
            number = getattr(error.__cause__, "errno", 0)
            os.write(write_end, b"%d %d" % (error.kept, number))
        os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end, "rb") as said:
        kept, number = said.read().split()
    os.waitpid(child, 0)
    return int(kept), int(number)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork, no RLIMIT_FSIZE")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_the_torn_line_of_a_short_write_is_cut_off(path):
    assert limited_append(path, all_or_nothing=False) == (98, errno.EFBIG)
    assert path.read_bytes() == b"123456\n" * 14


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork, no RLIMIT_FSIZE")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_all_or_nothing_leaves_nothing(path):
    path.write_bytes(b"old\n")
    assert limited_append(path, all_or_nothing=True) == (0, errno.EFBIG)
    assert path.read_bytes() == b"old\n"


def test_a_file_in_its_place_is_present(path):
    file = Appender(path)
    file.check_present()
    file.close()


@pytest.mark.parametrize("fate", ["deleted", "moved", "replaced", "folder moved"])
def test_a_file_that_is_gone_is_noticed(tmp_path, fate):
    folder = tmp_path / "folder"
    folder.mkdir()
    path = folder / "log"
    file = Appender(path)
    if fate == "deleted":
        path.unlink()
    elif fate == "moved":
        path.rename(folder / "other")
    elif fate == "replaced":
        path.rename(folder / "other")
        path.write_bytes(b"")
    else:
        folder.rename(tmp_path / "elsewhere")
    with pytest.raises(FileGoneError):
        file.check_present()
    file.close()


def test_sync_works_on_files_and_bears_devices_and_closed_files(tmp_path, path):
    file = Appender(path)
    file.append(b"x\n")
    file.sync()
    file.close()
    file.sync()
    file.close()
    device = tmp_path / "device"
    device.symlink_to("/dev/null")
    null = Appender(device)
    null.sync()
    null.close()


def test_sync_beside_close_never_touches_another_file(path):
    for _ in range(50):
        file = Appender(path)
        file.append(b"x\n")
        syncing = threading.Thread(target=file.sync)
        syncing.start()
        file.close()
        syncing.join()
