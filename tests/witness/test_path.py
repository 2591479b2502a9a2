"""The path as a real kernel tells it, in a network namespace made for each test."""

import os
import socket
import subprocess
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest
import trio

from stresser.model.events import PathChanged
from stresser.model.path_change import PathChange
from stresser.model.units import NS_PER_S
from stresser.witness.clock import RunClock
from stresser.witness.flood import TOLD_A_WINDOW
from stresser.witness.path import PATH_WINDOW_NS, PathWitness
from stresser.witness.resolver import ResolverWatch
from tests.fakes.namespace import in_namespace, ip, needs

Change = PathChange
ROUTES = 10_000


class Told(list[PathChanged]):
    """What the witness reports; wakes whoever waits for some of it."""

    def __init__(self):
        super().__init__()
        self._more = trio.Event()

    def report(self, event):
        self.append(event)
        self._more.set()

    async def reach(self, enough):
        while not enough(self):
            self._more = trio.Event()
            await self._more.wait()

    async def has(self, *changes):
        """Wait until the next changes are told, take them, and see that they are these."""
        await self.reach(lambda told: {one.change for one in told} >= set(changes))
        first: dict[PathChange, PathChanged] = {}
        for one in self:
            first.setdefault(one.change, one)
        self.clear()
        return first


def watched(story):
    """Run a story beside a witness in a new namespace with a link, lan0, that is up."""

    async def alone():
        ip("link set lo up")
        ip("link add lan0 type veth peer name far0")
        ip("link set far0 up")
        ip("link set lan0 up")
        ip("address add 192.0.2.10/24 dev lan0")
        ip("route add default via 192.0.2.1 dev lan0")
        told = Told()
        witness = PathWitness(RunClock(), told.report)
        witness.open()
        assert witness.trouble is None
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(witness.run)
                await story(witness, told)
                nursery.cancel_scope.cancel()
        finally:
            witness.close()

    in_namespace(alone)


netlab = pytest.mark.netlab


@netlab
def test_what_was_there_at_the_start_is_no_change():
    async def story(witness, told):
        ip("route replace default via 192.0.2.1 dev lan0")
        ip("link set lan0 up")
        ip("address replace 192.0.2.10/24 dev lan0")
        ip("link set lan0 mtu 1400")
        assert set(await told.has(Change.MTU_CHANGED)) == {Change.MTU_CHANGED}

    watched(story)


@netlab
def test_a_link_that_is_switched_off_takes_its_routes_along_without_a_notice():
    async def story(witness, told):
        ip("link set lan0 down")
        seen = await told.has(Change.LINK_DOWN, Change.DEFAULT_ROUTE_CHANGED)
        assert seen[Change.LINK_DOWN].interface == "lan0"
        assert "switched off" in seen[Change.LINK_DOWN].detail
        gone = "gone without a notice: 0.0.0.0/0 via 192.0.2.1 dev lan0"
        assert seen[Change.DEFAULT_ROUTE_CHANGED].detail == gone
        ip("link set lan0 up")
        seen = await told.has(Change.LINK_UP, Change.ROUTE_ADDED)
        assert seen[Change.ROUTE_ADDED].detail == "added: 192.0.2.0/24 dev lan0"

    watched(story)


@netlab
def test_a_carrier_that_is_lost():
    async def story(witness, told):
        ip("link set far0 down")
        await told.reach(lambda seen: sum(one.change is Change.LINK_DOWN for one in seen) == 2)
        details = {one.interface: one.detail for one in told if one.change is Change.LINK_DOWN}
        assert details["lan0"].startswith("no carrier")
        assert details["far0"].startswith("switched off")

    watched(story)


@netlab
def test_addresses_come_and_go():
    async def story(witness, told):
        ip("address add 192.0.2.11/24 dev lan0")
        assert (await told.has(Change.ADDRESS_ADDED))[Change.ADDRESS_ADDED].interface == "lan0"
        ip("address del 192.0.2.11/24 dev lan0")
        seen = await told.has(Change.ADDRESS_REMOVED)
        assert seen[Change.ADDRESS_REMOVED].detail == "192.0.2.11/24"
        ip("address add 2001:db8::5/64 dev lan0 nodad")
        seen = await told.has(Change.ADDRESS_ADDED)
        assert seen[Change.ADDRESS_ADDED].detail == "2001:db8::5/64"

    watched(story)


@netlab
def test_default_routes_as_vpn_clients_set_them():
    async def story(witness, told):
        change = Change.DEFAULT_ROUTE_CHANGED
        for words, detail in (
            ("route replace default via 192.0.2.9 dev lan0", "(was via 192.0.2.1 dev lan0)"),
            ("route add 0.0.0.0/1 via 192.0.2.9 dev lan0", "added: 0.0.0.0/1 via 192.0.2.9"),
            ("route add default dev lan0 table 51820", "dev lan0 table 51820"),
            ("route del default table main", "removed: 0.0.0.0/0 via 192.0.2.9 dev lan0"),
        ):
            ip(words)
            assert detail in (await told.has(change))[change].detail
        ip("rule add fwmark 0x64 lookup 51820")
        seen = await told.has(Change.RULE_ADDED)
        assert seen[Change.RULE_ADDED].detail.endswith("from all fwmark 0x64 lookup 51820")
        ip("rule del fwmark 0x64")
        await told.has(Change.RULE_REMOVED)

    watched(story)


@netlab
def test_a_tunnel_comes_up_and_vanishes_with_its_program():
    async def story(witness, told):
        with open_tun("tun7"):
            ip("link set tun7 up")
            ip("address add 10.8.0.2/24 dev tun7")
            seen = await told.has(Change.LINK_ADDED, Change.LINK_UP, Change.ROUTE_ADDED)
            assert all(one.is_tunnel for one in seen.values() if one.interface == "tun7")
            assert seen[Change.LINK_ADDED].detail.startswith("tun, a tunnel")
            ip("link set tun7 mtu 1280")
            assert (await told.has(Change.MTU_CHANGED))[Change.MTU_CHANGED].is_tunnel
        seen = await told.has(Change.LINK_REMOVED, Change.ROUTE_REMOVED)
        assert seen[Change.LINK_REMOVED].interface == "tun7"
        assert seen[Change.LINK_REMOVED].is_tunnel
        # Whether or not the kernel gave notice of the route, it is told under its link's name.
        assert "10.8.0.0/24 dev tun7" in seen[Change.ROUTE_REMOVED].detail

    watched(story)


@contextmanager
def open_tun(name):
    """A TUN device that lives as long as the descriptor (kernel networking/tuntap.rst)."""
    import fcntl

    device = Path("/dev/net/tun")
    needs(device.exists(), "needs /dev/net/tun")
    tunsetiff, iff_tun_no_pi = 0x400454CA, 0x1001
    request = name.encode().ljust(16, b"\0") + iff_tun_no_pi.to_bytes(24, "little")
    with device.open("r+b", buffering=0) as file:
        fcntl.ioctl(file, tunsetiff, request)
        yield


def batch(verb, number=ROUTES):
    return "".join(f"route {verb} 10.{n // 250}.{n % 250}.0/24 dev lan0\n" for n in range(number))


def counted(events, change):
    one_by_one = sum(event.change is change for event in events)
    return one_by_one + sum(event.counts.get(change, 0) for event in events)


@netlab
def test_a_storm_is_summed_up_and_hides_no_link():
    async def story(witness, told):
        for verb, change in (("add", Change.ROUTE_ADDED), ("del", Change.ROUTE_REMOVED)):
            told.clear()
            await trio.to_thread.run_sync(ip_here(), "-batch -", batch(verb))
            ip("link set far0 down")
            ip("link set far0 up")
            await told.reach(lambda seen, c=change: counted(seen, c) >= ROUTES)
            assert counted(told, change) == ROUTES
            storms = sum(event.change is Change.MANY for event in told)
            assert sum(event.change is change for event in told) <= TOLD_A_WINDOW * (storms + 1)
            downs = [event for event in told if event.change is Change.LINK_DOWN]
            assert {event.interface for event in downs} == {"lan0", "far0"}
            many = [event for event in told if event.change is Change.MANY]
            assert all(event.since_ns <= event.t_ns for event in many)

    watched(story)


def ip_here():
    """`ip` for another thread, run in this thread's namespace."""
    namespace = f"/proc/{os.getpid()}/task/{threading.get_native_id()}/ns/net"

    def run(words, text):
        command = ["nsenter", f"--net={namespace}", "ip", *words.split()]
        subprocess.run(command, check=True, capture_output=True, text=True, input=text)

    return run


@netlab
def test_a_storm_that_overruns_the_queue_is_said_and_the_state_asked_again():
    async def story(witness, told):
        witness._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        ip("-batch -", batch("add", 500))  # the loop stands still meanwhile
        ip("link set lan0 mtu 1300")
        seen = await told.has(Change.OVERRUN, Change.MTU_CHANGED)
        assert seen[Change.MTU_CHANGED].detail == "1500 -> 1300 bytes"  # found by asking
        overrun = seen[Change.OVERRUN]
        assert overrun.since_ns <= overrun.t_ns
        ip("link set lan0 mtu 1400")  # and it goes on
        assert (await told.has(Change.MTU_CHANGED))[Change.MTU_CHANGED].detail.startswith("1300")

    watched(story)


@netlab
def test_who_asks_is_told_of_what_has_not_been_read_yet():
    async def story(witness, told):
        before = witness._clock.now_ns()
        ip("link set far0 down")
        # No pass of the loop in between: the ending that it caused may come first.
        changes = witness.changes_near(before, witness._clock.now_ns())
        assert Change.LINK_DOWN in {one.change for one in changes}

    watched(story)


def test_changes_are_found_by_their_window(tmp_path):
    file = tmp_path / "resolv.conf"
    file.write_text("nameserver 192.0.2.53\n")

    async def story():
        clock, told = RunClock(), Told()
        witness = PathWitness(clock, told.report, ResolverWatch((file,)))
        for server in (1, 2):
            file.write_text(f"nameserver 192.0.2.{server}\n" * server)
            witness._resolver_due_ns = 0
            witness.look()
        first, second = (one.t_ns for one in told)
        assert len(witness.changes_between(0, second)) == 2
        assert witness.changes_between(first, second - 1) == told[:1]
        assert witness.changes_between(second + 1, second + NS_PER_S) == []
        assert len(witness.changes_near(second + PATH_WINDOW_NS, second + 2 * PATH_WINDOW_NS)) == 1
        late = second + PATH_WINDOW_NS + 1
        assert witness.changes_near(late, late) == []
        assert witness.changes_near(first - 1, first - 1)[-1] in told  # its notice was read late
        witness.close()

    trio.run(story)


def test_another_resolver_is_told_within_a_second_or_two(tmp_path):
    file = tmp_path / "resolv.conf"
    file.write_text("nameserver 192.0.2.53\n")

    async def story():
        told = Told()
        witness = PathWitness(RunClock(), told.report, ResolverWatch((file,)))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(witness.run)
            file.write_text("nameserver 10.8.0.1\nnameserver 10.8.0.2\n")
            with trio.fail_after(10):
                seen = await told.has(Change.RESOLVER_CHANGED)
            assert "192.0.2.53 -> 10.8.0.1, 10.8.0.2" in seen[Change.RESOLVER_CHANGED].detail
            nursery.cancel_scope.cancel()
        witness.close()

    trio.run(story)
