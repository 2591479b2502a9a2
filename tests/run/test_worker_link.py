"""Whole messages over a socket, however its bytes come; an end that is gone is told as that."""

import socket

import pytest
import trio

from stresser.run.worker_link import WorkerLink
from stresser.run.worker_messages import (
    ForceWord,
    Note,
    Progress,
    StopWord,
    for_worker,
    frame_of,
    from_worker,
)


def linked():
    ours, theirs = socket.socketpair()
    streams = [trio.SocketStream(trio.socket.from_stdlib_socket(one)) for one in (ours, theirs)]
    return WorkerLink(streams[0], from_worker), WorkerLink(streams[1], for_worker), streams[1]


def test_messages_come_in_order():
    async def main():
        ours, theirs, _ = linked()
        long = Progress(lines=b"x\n" * 200_000)
        async with trio.open_nursery() as nursery:

            async def tell():
                assert await theirs.send(Note(text="first"))
                assert await theirs.send(long)

            nursery.start_soon(tell)
            assert await ours.receive() == Note(text="first")
            assert await ours.receive() == long
        assert await ours.send(StopWord(reason="enough"))
        ours.send_now(ForceWord())
        assert await theirs.receive() == StopWord(reason="enough")
        assert await theirs.receive() == ForceWord()
        ours.close()
        theirs.close()

    trio.run(main)


@pytest.mark.parametrize(
    "last", [b"", b"\0", frame_of(Note(text="cut"))[:-1], b"\xff\xff\xff\xff", b"\0\0\0\1x"]
)
def test_an_end_that_is_gone_or_raves_says_nothing(last):
    async def main():
        ours, _, raw = linked()
        await raw.send_all(frame_of(Note(text="whole")) + last)
        raw.socket.close()
        assert await ours.receive() == Note(text="whole")
        assert await ours.receive() is None
        assert not await ours.send(StopWord(reason="to nobody"))
        ours.send_now(ForceWord())
        ours.close()

    trio.run(main)
