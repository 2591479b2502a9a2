import os
import signal
from pathlib import Path

import psutil
import pytest
import trio

from stresser.lab.messages import KillRecord
from stresser.lab.process import running_lab
from stresser.model.errors import ExitCode, LabError
from stresser.model.kill import Kill
from stresser.model.units import NS_PER_MS, Duration
from stresser.scenario.lab_table import LabEndpoint, LabPlan, LabRoute, Middlebox
from tests.lab.plain_client import RST, PlainClient

ECHO = LabEndpoint(name="echo", scheme="tls", behaviour="echo")
PLAN = LabPlan(
    endpoints=[ECHO],
    middleboxes={"box": Middlebox(kill=Kill.RESET, idle_timeout=Duration(50 * NS_PER_MS))},
    routes=[LabRoute(egress="box", endpoint="echo")],
)


def test_it_serves_tells_its_kills_and_leaves_nothing():
    kills = []

    async def main():
        told = trio.Event()

        def on_kill(record):
            kills.append(record)
            told.set()

        async with running_lab(PLAN, on_kill=on_kill) as ready:
            port = {one.egress: one.port for one in ready.addresses}["box"]
            with PlainClient(port) as client:
                end = await trio.to_thread.run_sync(lambda: client.handshake().read_end())
                assert isinstance(end, RST)
                with trio.fail_after(10):
                    await told.wait()
                return ready, client.port

    ready, client_port = trio.run(main)
    assert [(KillRecord, client_port)] == [(type(one), one.client_port) for one in kills]
    assert not psutil.pid_exists(ready.pid)
    assert not Path(ready.ca_file).parent.exists()


@pytest.mark.slow
def test_it_has_a_session_of_its_own_and_ignores_sigint():
    async def main():
        async with running_lab(PLAN) as ready:
            assert os.getsid(ready.pid) == ready.pid
            os.kill(ready.pid, signal.SIGINT)
            os.kill(ready.pid, signal.SIGHUP)
            with PlainClient(ready.addresses[0].port) as client:
                await trio.to_thread.run_sync(client.handshake)

    trio.run(main)


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGTERM])
def test_its_death_ends_the_block_with_a_lab_error(sent):
    seen = []

    async def main():
        async with running_lab(PLAN) as ready:
            seen.append(ready)
            os.kill(ready.pid, sent)
            await trio.sleep_forever()

    with pytest.raises(LabError, match="the lab died") as caught:
        trio.run(main)
    assert caught.value.exit_code is ExitCode.INCONCLUSIVE
    assert not Path(seen[0].ca_file).parent.exists()


@pytest.mark.slow
def test_a_plan_it_does_not_know_is_a_lab_error_with_its_words():
    bad = LabPlan(endpoints=[LabEndpoint(name="e", scheme="wss", behaviour="ecko")])

    async def main():
        async with running_lab(bad):
            raise AssertionError("it came up")

    with pytest.raises(LabError, match="did not start") as caught:
        trio.run(main)
    assert "knows no behaviour" in str(caught.value)


@pytest.mark.parametrize("error", [KeyError("mine"), KeyboardInterrupt(), SystemExit(3)])
def test_the_blocks_own_exception_comes_out_as_it_went_in(error):
    async def main():
        async with running_lab(PLAN):
            raise error

    with pytest.raises(type(error)) as caught:
        trio.run(main)
    assert caught.value is error


def test_cancelling_the_block_ends_the_lab():
    async def main():
        with trio.CancelScope() as scope:
            async with running_lab(PLAN) as ready:
                scope.cancel()
                await trio.sleep_forever()
        return ready

    ready = trio.run(main)
    assert not psutil.pid_exists(ready.pid)
    assert not Path(ready.ca_file).parent.exists()
