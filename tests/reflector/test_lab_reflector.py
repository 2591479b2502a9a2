"""A lab process with a reflector in it, as a run starts it."""

import ssl
from contextlib import AsyncExitStack

import pytest
import trio

from stresser.lab.process import running_lab
from stresser.model.events import ReflectionOpened
from stresser.net.reflector_hello import PREFIX, Introducer, new_run_id
from stresser.reflector.lab_reflector import lab_reflector
from stresser.scenario.lab_table import LabEndpoint, LabPlan
from stresser.scenario.secrets import Secret
from stresser.witness.clock import RunClock
from tests.reflector.test_connection import exactly
from tests.reflector.test_control_session import Control

TOKEN = "of this run alone, and made anew"  # noqa: S105 - it opens nothing
REFLECTS = [LabEndpoint(name="far", scheme="tls", behaviour="reflect")]


def test_without_a_token_nobody_is_asked_to_serve_it():
    assert lab_reflector(LabPlan(endpoints=REFLECTS)) is None


@pytest.mark.parametrize("module", ["stresser.lab", "stresser.reflector"])
def test_it_echoes_and_the_reflector_tells_the_run_what_it_saw(module):
    async def main():
        with trio.fail_after(60):
            plan = LabPlan(endpoints=REFLECTS, token=TOKEN)
            async with running_lab(plan, module=module) as ready:
                [address] = ready.addresses
                context = ssl.create_default_context(cafile=ready.ca_file)
                introducer = introduced()

                async with AsyncExitStack() as stack:

                    async def session(hello):
                        stream = await trio.open_ssl_over_tcp_stream(
                            address.host, address.port, ssl_context=unnamed(context)
                        )
                        stack.push_async_callback(trio.aclose_forcefully, stream)
                        await stream.send_all(PREFIX + hello.encode() + b"\n")
                        return stream

                    first = await session(introducer.hello(1, 0))
                    await first.send_all(b"ping")
                    if module == "stresser.lab":
                        await exactly(first, len(PREFIX))  # it echoes the hello as well
                        return
                    assert await exactly(first, 4) == b"ping"
                    hello = introducer.hello(0, 0)
                    control = Control(await session(hello), hello, Secret("", TOKEN))
                    await control.ask()
                    [opened] = (await control.told(lambda account: account.events)).events
                    assert isinstance(opened, ReflectionOpened)
                    assert (opened.attempt, opened.run) == (1, introducer.run)

    trio.run(main)


def introduced():
    clock = RunClock()
    token = Secret("", TOKEN)
    return Introducer(run=new_run_id(), token=token, anchor_unix_ns=clock.anchor_unix_ns)


def unnamed(context):
    """trio asks for the host that it dials; the lab's certificate is for a name."""
    context.check_hostname = False
    return context
