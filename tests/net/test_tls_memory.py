"""What a quiet session keeps of OpenSSL's buffers, as glibc counts it."""

import trio
from trio.testing import wait_all_tasks_blocked

from tests.fakes.glibc import heap_in_use
from tests.net.open_websocket import open_pair
from tests.net.peers import outcome, run, tls_pair

RECORD_BUFFER = 16_384


def given_back_by_a_write(stream):
    """OpenSSL's buffer for records to be sent goes with the next write: was there one?"""
    before = heap_in_use()
    stream.release_buffer()
    return before - heap_in_use()


def test_a_silent_session_keeps_no_buffer_after_its_tickets():
    async def test():
        async with tls_pair("TLSv1.3") as (stream, _), trio.open_nursery() as nursery:
            nursery.start_soon(outcome, stream.receive_some)
            await wait_all_tasks_blocked()
            assert stream.tap.last_received_ns > 0
            assert given_back_by_a_write(stream) < RECORD_BUFFER // 2
            nursery.cancel_scope.cancel()

    run(test)


def test_an_upgraded_session_keeps_no_buffer():
    async def test():
        async with open_pair("TLSv1.3") as (websocket, _):
            assert given_back_by_a_write(websocket.stream) < RECORD_BUFFER // 2

    run(test)


def test_giving_a_buffer_back_sends_nothing_and_disturbs_nothing():
    async def test():
        async with tls_pair("TLSv1.3") as (stream, peer):
            sent = stream.tap.bytes_sent
            stream.release_buffer()
            await stream.flush()
            assert stream.tap.bytes_sent == sent
            await stream.send_all(b"question")
            assert await peer.receive() == b"question"
            stream.close_notify_nowait()
            stream.release_buffer()
            assert not stream.backlog

    run(test)
