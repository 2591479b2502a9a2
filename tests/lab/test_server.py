import socket
from pathlib import Path

import pytest
import trio

from stresser.lab.messages import KillRecord
from stresser.lab.server import check_plan, serve
from stresser.model.errors import LabError
from stresser.model.kill import Kill
from stresser.model.units import NS_PER_MS, Duration
from stresser.scenario.lab_table import LabEndpoint, LabPlan, LabRoute, Middlebox
from tests.lab.plain_client import RST, PlainClient

ECHO = LabEndpoint(name="echo", scheme="tls", behaviour="echo")
BOX = Middlebox(kill=Kill.RESET, idle_timeout=Duration(50 * NS_PER_MS))
PLAN = LabPlan(
    endpoints=[ECHO],
    middleboxes={"box": BOX},
    routes=[LabRoute(egress="box", endpoint="echo")],
)


def test_it_serves_in_process_and_leaves_nothing():
    kills: list[KillRecord] = []

    async def main():
        async with trio.open_nursery() as nursery:
            ready = await nursery.start(
                lambda **status: serve(PLAN, on_kill=kills.append, **status)
            )
            ports = {one.egress: one.port for one in ready.addresses}
            with PlainClient(ports["box"]) as client:
                end = await trio.to_thread.run_sync(lambda: client.handshake().read_end())
                assert isinstance(end, RST)
                port = client.port
            nursery.cancel_scope.cancel()
        return ready, ports, port

    ready, ports, port = trio.run(main)
    assert [port] == [one.client_port for one in kills]
    assert not Path(ready.ca_file).parent.exists()
    for one in ports.values():
        with socket.socket() as client:
            assert client.connect_ex(("127.0.0.1", one)) != 0


def test_upstreams_outside_the_lab_are_forwarded_to():
    async def main():
        async with trio.open_nursery() as nursery:
            outer = await nursery.start(lambda **status: serve(PLAN, **status))
            echo = next(one.port for one in outer.addresses if one.egress is None)
            route = LabRoute(
                egress="plain", endpoint="far", upstream_host="localhost", upstream_port=echo
            )
            plan = LabPlan(middleboxes={"plain": Middlebox()}, routes=[route])
            ready = await nursery.start(lambda **status: serve(plan, **status))

            def use():
                with PlainClient(ready.addresses[0].port) as client:
                    client.handshake().write(b"through")
                    assert client.read() == b"through"

            await trio.to_thread.run_sync(use)
            nursery.cancel_scope.cancel()

    trio.run(main)


def test_all_mistakes_of_a_plan_are_listed():
    plan = LabPlan(
        endpoints=[
            LabEndpoint(name="a", scheme="wss", behaviour="ecko"),
            LabEndpoint(name="b", scheme="tls", behaviour="echo", tls_version="1.1"),
            ECHO,
            ECHO,
        ],
        middleboxes={"box": BOX},
        routes=[
            LabRoute(egress="box", endpoint="a"),
            LabRoute(egress="bax", endpoint="echo"),
            LabRoute(egress="box", endpoint="c"),
            LabRoute(egress="box", endpoint="c", upstream_host="localhost"),
        ],
    )
    with pytest.raises(LabError) as caught:
        check_plan(plan)
    told = "\n".join(caught.value.lines)
    for said in ("echo: named twice", "a: lab+wss knows no", "b: tls_version", "bax", "to c: n"):
        assert said in told
    assert len(caught.value.lines) == 6
