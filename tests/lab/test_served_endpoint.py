"""A lab endpoint takes each connection through its own phases; clients do not touch one another."""

import time

import trio

from stresser.lab.server import serve
from stresser.scenario.lab_table import LabEndpoint, LabPlan
from tests.lab.plain_client import RST, PlainClient


def lab_of(behaviour: str, argument: str = "", scheme: str = "tls") -> LabPlan:
    one = LabEndpoint(name="it", scheme=scheme, behaviour=behaviour, argument=argument)
    return LabPlan(endpoints=[one])


def use(plan: LabPlan, client):
    """Run `client(port)` in a thread against a lab of this plan."""

    async def main():
        async with trio.open_nursery() as nursery:
            ready = await nursery.start(lambda **status: serve(plan, **status))
            port = ready.addresses[0].port
            with trio.fail_after(20):
                result = await trio.to_thread.run_sync(client, port)
            nursery.cancel_scope.cancel()
        return result

    return trio.run(main)


def test_a_client_that_says_nothing_does_not_hold_up_another():
    def two_clients(port):
        with PlainClient(port), PlainClient(port) as second:
            return second.try_handshake()

    assert use(lab_of("echo"), two_clients) is None


def test_a_client_that_leaves_in_mid_handshake_does_no_harm():
    def leave_and_come_back(port):
        with PlainClient(port) as first:
            first.sock.sendall(b"\x16\x03\x01")
        with PlainClient(port) as second:
            return second.try_handshake()

    assert use(lab_of("echo"), leave_and_come_back) is None


def test_all_sessions_are_reset_together_at_a_moment_of_the_lab():
    def hold_three(port):
        clients = [PlainClient(port).handshake() for _ in range(3)]
        ends = []
        for client in clients:
            ends.append((client.read_end(), time.monotonic()))
            client.sock.close()
        return ends

    ends = use(lab_of("reset", "lab+500ms"), hold_three)

    assert all(isinstance(end, RST) for end, _ in ends)
    times = [at for _, at in ends]
    assert max(times) - min(times) < 0.25
