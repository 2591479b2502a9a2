"""A transport that is interrupted: nobody waits for it any more, and it is still there."""

from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from tests.net.peers import run, tapped_pair

SMALL = 4096


def test_an_interrupt_ends_who_waits_now_and_later_and_leaves_the_socket_alone():
    async def test():
        async with tapped_pair(buffers=SMALL) as (tap, far):
            ends: list[Any] = []

            async def wait(how):
                with pytest.raises(trio.ClosedResourceError):
                    await how()
                ends.append(how)

            while tap.send_nowait(bytes(65_536)):
                await wait_all_tasks_blocked(0.01)  # the kernel hands on what it can
            waits = [tap.receive_some, tap.wait_send_all_might_not_block]
            async with trio.open_nursery() as nursery:
                for how in waits:
                    nursery.start_soon(wait, how)
                await wait_all_tasks_blocked()
                assert not ends
                tap.interrupt()
            for how in waits:
                await wait(how)
            assert len(ends) == 4
            assert tap.fault is None
            assert tap.sock.fileno() >= 0
            far.close()
            tap.close()
            tap.interrupt()

    run(test)
