import pytest
import trio
import trio.testing

from stresser.model.errors import ReflectorError
from stresser.reflector.admission import Admission
from stresser.reflector.listener import ReflectorListener
from tests.fakes.certificates import server_context
from tests.reflector.served import reflecting


def test_an_address_in_use_is_one_line(tmp_path):
    async def main():
        async with reflecting(tmp_path) as served:
            other = ReflectorListener(served.reception, server_context(), "127.0.0.1", served.port)
            with pytest.raises(ReflectorError, match=f"--listen 127.0.0.1:{served.port}: "):
                await other.serve()

    trio.run(main)


def test_a_limit_closes_what_is_too_much_at_once(tmp_path):
    async def main():
        async with reflecting(tmp_path, admission=Admission(most_strangers=2)) as served:
            first, second = await served.tls(), await served.tls()
            third = await served.tcp()
            with trio.fail_after(10):
                assert await third.receive_some(1) == b""
            await first.send_all(b"a")
            await second.send_all(b"b")
            assert (await first.receive_some(1), await second.receive_some(1)) == (b"a", b"b")
            assert served.reception.turned_away()["refused by a limit"] == 1

    trio.run(main)


def test_a_hundred_that_connect_and_leave_at_once_leave_nothing_behind(tmp_path):
    async def main():
        async with reflecting(tmp_path, admission=Admission(most_strangers=101)) as served:
            for _ in range(100):
                (await served.tcp()).socket.close()
            with trio.fail_after(20):
                while served.reception.strangers < 100:
                    await trio.testing.wait_all_tasks_blocked()
            stream = await served.tls()
            await stream.send_all(b"a")
            assert await stream.receive_some(1) == b"a"

    trio.run(main)
