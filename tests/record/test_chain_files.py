"""Certificate chains in the run folder: once each, whole, bounded."""

import hashlib
import shutil
import ssl

import pytest
import trio

from stresser.model.errors import RunFolderError
from stresser.record import chain_files
from stresser.record.chain_files import ChainShelf, is_chain_id, read_chain, write_chains
from stresser.record.folder import RunFolder
from stresser.record.reader import open_run
from tests.record.sample_events import numbered
from tests.record.test_recorder import recorded

CHAIN = (b"leaf" * 100, b"middle" * 11, b"x")


def chain_id(number=0):
    return hashlib.sha256(bytes([number % 256, number // 256])).hexdigest()[:16]


def test_a_chain_is_pem_as_openssl_reads_it():
    shelf = ChainShelf()
    assert shelf.keep(chain_id(), CHAIN)
    [pem] = shelf.take().values()
    blocks = pem.decode().split("-----END CERTIFICATE-----\n")[:-1]
    read = [ssl.PEM_cert_to_DER_cert(block + "-----END CERTIFICATE-----\n") for block in blocks]
    assert tuple(read) == CHAIN
    assert max(map(len, pem.splitlines())) == 64


def test_a_chain_is_taken_once_and_kept_for_ever():
    shelf = ChainShelf()
    assert [shelf.keep(chain_id(), CHAIN) for _ in range(3)] == [True] * 3
    assert list(shelf.take()) == [chain_id()]
    assert shelf.take() == {}
    assert shelf.keep(chain_id(), CHAIN)
    assert shelf.take() == {}


def test_number_and_size_are_bounded(monkeypatch):
    monkeypatch.setattr(chain_files, "_MOST_CHAINS", 3)
    shelf = ChainShelf()
    assert not shelf.keep(chain_id(9), (bytes(200_000),))
    kept = [shelf.keep(chain_id(number), CHAIN) for number in range(5)]
    assert kept == [True] * 3 + [False] * 2
    assert len(shelf.take()) == 3


def test_where_several_keep_some_all_of_them_have_the_room_of_one(monkeypatch):
    monkeypatch.setattr(chain_files, "_MOST_CHAINS", 9)
    shelf = ChainShelf(4)
    kept = [shelf.keep(chain_id(number), CHAIN) for number in range(5)]
    assert kept == [True] * 2 + [False] * 3
    monkeypatch.setattr(chain_files, "_MOST_BYTES", 8000)
    kept = [ChainShelf(shelves).keep(chain_id(), CHAIN) for shelves in (1, 64)]
    assert kept == [True, False]


def test_all_bytes_together_are_bounded(monkeypatch):
    monkeypatch.setattr(chain_files, "_MOST_BYTES", 2000)
    shelf = ChainShelf()
    kept = [shelf.keep(chain_id(number), CHAIN) for number in range(9)]
    assert 0 < sum(kept) < 9
    assert sum(map(len, shelf.take().values())) <= 2000


@pytest.mark.parametrize("name", ["", "..", "../../etc", "a" * 17, "A" * 16, "/" * 16, "0" * 15])
def test_an_id_is_never_a_path(tmp_path, name):
    assert not is_chain_id(name)
    assert read_chain(RunFolder(tmp_path), name) is None
    assert not ChainShelf().keep(name, CHAIN)


def test_what_was_written_is_read(tmp_path):
    folder = RunFolder(tmp_path)
    write_chains(folder, {})
    assert not folder.chains.exists()
    write_chains(folder, {chain_id(): b"pem\n"})
    assert read_chain(folder, chain_id()) == b"pem\n"
    assert read_chain(folder, chain_id(1)) is None


def test_a_file_of_any_size_may_lie_there_instead(tmp_path):
    folder = RunFolder(tmp_path)
    folder.chains.mkdir()
    folder.chain(chain_id()).write_bytes(bytes(1 << 20))
    with pytest.raises(RunFolderError, match="larger"):
        read_chain(folder, chain_id())


def test_the_recorder_writes_them(tmp_path):
    async def work(recorder, folder):
        assert recorder.keep_chain(chain_id(), CHAIN)
        assert recorder.keep_chain(chain_id(), CHAIN)
        recorder.flush_now()
        assert read_chain(folder, chain_id())
        assert recorder.keep_chain(chain_id(1), CHAIN)

    folder, recorder = recorded(tmp_path, work)
    assert recorder.failure is None
    run = open_run(folder.path)
    assert run.chain(chain_id())
    assert run.chain(chain_id(1))
    assert sorted(path.name for path in folder.chains.iterdir()) == sorted(
        f"{chain_id(number)}.pem" for number in (0, 1)
    )


def fails_at_the_chains(parent, spoil):
    """Spoil the place of the chains; the events of the same batch are written all the same."""

    async def work(recorder, folder):
        spoil(folder)
        recorder.event(numbered(7))
        recorder.keep_chain(chain_id(), CHAIN)
        with trio.fail_after(10):
            await recorder.failed.wait()
        assert not recorder.keep_chain(chain_id(1), CHAIN)

    folder, recorder = recorded(parent, work)
    run = open_run(folder.path)
    assert [event.slept_ns for event in run.events() if hasattr(event, "slept_ns")] == [7]
    return recorder


def test_a_place_that_cannot_be_written_stops_recording_loudly(tmp_path):
    recorder = fails_at_the_chains(tmp_path, lambda folder: folder.chains.write_text("in the way"))
    assert recorder.failure.what == "File exists"
    assert recorder.failure.path.endswith("chains")
    assert recorder.gap.events == 0


def test_a_full_disk_stops_recording_loudly(small_disk):
    def spoil(folder):
        room = shutil.disk_usage(small_disk).free
        (small_disk / "ballast").write_bytes(bytes(room - 4096))

    recorder = fails_at_the_chains(small_disk, spoil)
    assert recorder.failure.what == "No space left on device"
