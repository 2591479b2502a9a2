import os

import pytest

from stresser.model.cohort import Cohort
from stresser.model.errors import RunFolderError
from stresser.model.quantity import Quantity
from stresser.record.events_file import EventsReader, encode_event
from stresser.record.folder import RunFolder
from stresser.record.histogram_log import Key, LogReader
from stresser.record.writer import Batch, FolderWriter, WriteError, reason_of
from stresser.statistics.duration_counts import SparseCounts
from tests.record.sample_events import COHORT, numbered

S = 10**9
RTT: Key = (Quantity.RTT, COHORT)


@pytest.fixture
def folder(tmp_path):
    return RunFolder(tmp_path)


def batch(taken_ns, *, numbers=(), values=(), ends=False):
    lines = bytearray(b"".join(encode_event(numbered(number)) for number in numbers))
    counts = {RTT: SparseCounts.of(values)} if values else {}
    return Batch(lines, counts, taken_ns, ends)


def counts_in(path):
    return {(i.start_ns, i.length_ns): i.counts.count for i in LogReader(path)}


def test_a_batch_knows_how_much_it_holds():
    held = batch(0, numbers=[1, 2], values=[5, 5, 7])
    assert (held.events, held.samples) == (2, 3)


def test_counts_are_in_the_partial_file_until_their_interval_ends(folder):
    writer = FolderWriter(folder, 0)
    writer.write(batch(S // 2, numbers=[1], values=[1]))
    writer.write(batch(S, numbers=[2], values=[2, 3]))
    assert counts_in(folder.partial) == {(0, S): 3}
    assert counts_in(folder.histograms) == {}
    writer.write(batch(2 * S, values=[4], ends=True))
    assert counts_in(folder.histograms) == {(0, 2 * S): 4}
    assert not folder.partial.exists()
    writer.write(batch(3 * S, values=[5]))
    assert counts_in(folder.partial) == {(2 * S, S): 1}
    writer.close()
    assert len(list(EventsReader(folder.events))) == 2


def test_an_interval_without_samples_has_no_lines(folder):
    writer = FolderWriter(folder, 0)
    writer.write(batch(S, ends=True))
    writer.write(batch(2 * S, values=[1], ends=True))
    writer.close()
    assert counts_in(folder.histograms) == {(S, S): 1}


def test_a_full_events_file_loses_the_batch_and_says_so(folder):
    folder.events.symlink_to("/dev/full")
    writer = FolderWriter(folder, 0)
    with pytest.raises(WriteError) as caught:
        writer.write(batch(S, numbers=[1, 2], values=[1, 2, 3]))
    writer.close()
    assert (caught.value.path, caught.value.events, caught.value.samples) == (folder.events, 2, 3)
    assert reason_of(caught.value) == "No space left on device"


def test_what_a_reflector_told_and_does_not_fit_is_lost_and_counted(folder):
    folder.far_ends.symlink_to("/dev/full")
    writer = FolderWriter(folder, 0)
    told = encode_event(numbered(1)) + encode_event(numbered(2))
    with pytest.raises(WriteError) as caught:
        writer.write(batch(S, numbers=[3], values=[1])._replace(far_lines=told))
    writer.close()
    assert (caught.value.path, caught.value.events) == (folder.far_ends, 2)
    assert len(list(EventsReader(folder.events))) == 1


def test_a_partial_file_that_cannot_be_written_loses_only_the_samples(folder):
    folder.partial.mkdir()  # no file can take its place
    writer = FolderWriter(folder, 0)
    with pytest.raises(WriteError) as caught:
        writer.write(batch(S, numbers=[1, 2], values=[1, 2, 3]))
    writer.close()
    assert (caught.value.path, caught.value.events, caught.value.samples) == (folder.partial, 0, 3)
    assert len(list(EventsReader(folder.events))) == 2


def test_a_histogram_log_that_is_gone_leaves_the_partial_file(folder):
    writer = FolderWriter(folder, 0)
    writer.write(batch(S, values=[1, 2]))
    folder.histograms.unlink()
    with pytest.raises(WriteError) as caught:
        writer.write(batch(2 * S, values=[3], ends=True))
    writer.close()
    assert (caught.value.path, caught.value.samples) == (folder.histograms, 1)
    assert reason_of(caught.value) == "the file was deleted or moved"
    assert counts_in(folder.partial) == {(0, S): 2}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork, no RLIMIT_FSIZE")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_an_interval_that_does_not_fit_is_not_written_in_part(folder):
    many: dict[Key, SparseCounts] = {
        (Quantity.RTT, Cohort(f"broker{number}", "vpn", "heartbeat")): SparseCounts.of([number])
        for number in range(20)
    }
    child = os.fork()
    if child == 0:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (1500, 1500))
        writer = FolderWriter(folder, 0)
        writer.write(batch(S, values=[1, 2]))
        try:
            writer.write(Batch(bytearray(), many, 2 * S, ends_interval=True))
        except WriteError as error:
            os._exit(error.samples)
        os._exit(99)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 20
    assert counts_in(folder.histograms) == {}
    assert counts_in(folder.partial) == {(0, S): 2}


def test_a_folder_that_cannot_be_written_is_told_at_once(tmp_path):
    with pytest.raises(RunFolderError, match=r"events\.jsonl: cannot be written: No such file"):
        FolderWriter(RunFolder(tmp_path / "gone"), 0)


def test_a_full_log_is_told_at_once(folder):
    folder.histograms.symlink_to("/dev/full")
    with pytest.raises(RunFolderError, match=r"hlog: cannot be written: No space left"):
        FolderWriter(folder, 0)


def test_last_words_are_written_after_the_reserve_is_given_back(folder):
    folder.reserve.write_bytes(b"0" * 100)
    writer = FolderWriter(folder, 0)
    assert writer.write_last_words(encode_event(numbered(9)))
    writer.close()
    assert not folder.reserve.exists()
    assert len(list(EventsReader(folder.events))) == 1


def test_there_are_no_last_words_in_a_file_that_is_gone(folder):
    writer = FolderWriter(folder, 0)
    folder.events.unlink()
    assert not writer.write_last_words(encode_event(numbered(9)))
    writer.close()
    assert not folder.events.exists()
