import threading

import pytest

from stresser.model.quantity import Quantity
from stresser.record.events_file import EventsReader, encode_event
from stresser.record.folder import RunFolder
from stresser.record.histogram_log import Key
from stresser.record.write_queue import WriteQueue
from stresser.record.writer import Batch, FolderWriter
from stresser.statistics.duration_counts import SparseCounts
from tests.record.sample_events import COHORT, number_of, numbered

RTT: Key = (Quantity.RTT, COHORT)


def batch(number):
    lines = bytearray(encode_event(numbered(number)))
    return Batch(lines, {RTT: SparseCounts.of([number])}, taken_ns=number, ends_interval=False)


@pytest.fixture
def folder(tmp_path):
    return RunFolder(tmp_path)


def test_batches_keep_their_order_whoever_writes_them(folder):
    writer = FolderWriter(folder, 0)
    queue = WriteQueue(writer, 0)
    done = threading.Event()

    def drain_all_the_time():
        while not done.is_set():
            queue.drain()

    threads = [threading.Thread(target=drain_all_the_time) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(300):
        queue.put(batch(number))
    done.set()
    for thread in threads:
        thread.join()
    queue.finish()
    writer.close()
    assert [number_of(event) for event in EventsReader(folder.events)] == list(range(300))
    assert queue.written_until_ns == 299
    assert queue.error is None


def test_the_first_error_ends_writing_and_the_rest_is_dropped_with_its_count(folder):
    folder.events.symlink_to("/dev/full")
    writer = FolderWriter(folder, 0)
    queue = WriteQueue(writer, 0)
    for number in range(1, 6):
        queue.put(batch(number))
    queue.drain()
    first = queue.error
    assert first is not None
    assert (first.events, first.samples) == (1, 1)
    queue.drain()
    queue.finish()
    assert queue.error is first
    assert queue.drop() == (4, 4)
    assert queue.drop() == (0, 0)
    assert queue.written_until_ns == 0
    writer.close()
