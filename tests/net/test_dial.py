"""One connect to one address over loopback: the errno as the kernel says it, and no leak."""

import errno
import os
import socket
import sys

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from stresser.model.faults import CannotSend
from stresser.net.dial import (
    Binding,
    TcpTimers,
    bind_to_egress,
    dial,
    keep_to_ports,
    release,
    set_timers,
    socket_options,
)
from stresser.net.resolve import Address
from tests.fakes.tools import missing
from tests.net.peers import open_descriptors, run

ANY = Binding()
LOOPBACK = "127.0.0.1"
linux = pytest.mark.skipif(sys.platform != "linux", reason="a Linux socket option or /proc")


def has_ipv6():
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


def listener(host=LOOPBACK):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, 0), family=family)


def address_of(server):
    return Address(server.family, server.getsockname())


def test_a_connection_is_non_blocking_and_unhurried_by_nagle():
    async def test():
        with listener() as server, await dial(address_of(server), ANY) as sock:
            assert sock.getpeername() == server.getsockname()
            assert not sock.getblocking()
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)

    run(test)


def range_of_ports(host):
    """A few ports of the kernel's own range; skips where it cannot be asked for them."""
    ports = (45_000, 45_063)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        try:
            keep_to_ports(probe, ports)
        except OSError:
            missing("this kernel has no IP_LOCAL_PORT_RANGE")
    return ports


@linux
@pytest.mark.parametrize("host", [LOOPBACK, "::1"] if has_ipv6() else [LOOPBACK])
@pytest.mark.parametrize("bound", [False, True])
def test_local_ports_are_of_the_range_that_is_asked_for(host, bound):
    low, high = range_of_ports(host)
    binding = Binding(source=host if bound else None, ports=(low, high))

    async def test():
        with listener(host) as server:
            for _ in range(5):
                sock = await dial(address_of(server), binding)
                with sock:
                    assert low <= sock.getsockname()[1] <= high

    run(test)


@pytest.mark.skipif(not has_ipv6(), reason="this host has no IPv6 loopback")
def test_ipv6():
    async def test():
        with listener("::1") as server, await dial(address_of(server), ANY) as sock:
            assert sock.getpeername()[0] == "::1"

    run(test)


def closed_port():
    """A port that is bound, so that nobody takes it, and on which nobody listens."""
    sock = socket.socket()
    sock.bind((LOOPBACK, 0))
    return sock


def test_refused():
    async def test():
        with closed_port() as bound, pytest.raises(ConnectionRefusedError) as caught:
            await dial(address_of(bound), ANY)
        assert caught.value.errno == errno.ECONNREFUSED
        assert caught.value.strerror == os.strerror(errno.ECONNREFUSED)

    run(test)


@linux
def test_an_address_that_has_no_way_from_this_source_is_unreachable():
    # 127.0.0.1 as source never leaves the host; 192.0.2.0/24 is for documentation (RFC 5737).
    async def test():
        with pytest.raises(OSError, match=r".") as caught:
            await dial(Address(socket.AF_INET, ("192.0.2.1", 9)), Binding(source=LOOPBACK))
        assert caught.value.errno in {errno.EINVAL, errno.ENETUNREACH, errno.EHOSTUNREACH}

    run(test)


@linux
def test_the_source_address_is_the_one_chosen():
    async def test():
        with (
            listener() as server,
            await dial(address_of(server), Binding(source="127.0.0.9")) as sock,
        ):
            assert sock.getsockname()[0] == "127.0.0.9"
            far, remote = server.accept()
            far.close()
            assert remote == sock.getsockname()

    run(test)


@linux
def test_the_port_of_a_chosen_source_is_left_to_connect():
    """So that one source address serves 28,000 ports for each destination (ip(7))."""
    with socket.socket() as sock:
        bind_to_egress(sock, Binding(source=LOOPBACK))
        assert sock.getsockname() == (LOOPBACK, 0)


def test_a_source_that_is_not_this_hosts_is_not_available():
    async def test():
        with listener() as server, pytest.raises(OSError, match=r".") as caught:
            await dial(address_of(server), Binding(source="192.0.2.1"))
        assert caught.value.errno == errno.EADDRNOTAVAIL

    run(test)


@linux
def test_a_device_that_is_gone_is_no_device():
    async def test():
        with listener() as server, pytest.raises(OSError, match=r".") as caught:
            await dial(address_of(server), Binding(device="gone0"))
        assert caught.value.errno in {errno.ENODEV, errno.EPERM}  # EPERM on old kernels, no root

    run(test)


@linux
def test_the_loopback_device():
    async def test():
        try:
            with listener() as server:
                sock = await dial(address_of(server), Binding(device="lo"))
        except PermissionError:
            pytest.skip("this kernel binds to a device for root alone")
        with sock:
            bound = sock.getsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, 16)
            assert bound.rstrip(b"\0") == b"lo"

    run(test)


def full_backlog():
    """A listener that accepts no more: Linux drops further SYNs, so that a connect hangs."""
    server = socket.socket()
    server.bind((LOOPBACK, 0))
    server.listen(0)
    waiting: list[socket.socket] = []
    while len(waiting) < 16:
        sock = socket.socket()
        sock.settimeout(0.05)
        waiting.append(sock)
        try:
            sock.connect(server.getsockname())
        except TimeoutError:
            return server, waiting
    raise AssertionError("the backlog never filled")


@linux
def test_a_deadline_leaves_no_socket_open():
    server, waiting = full_backlog()

    async def test():
        before = open_descriptors()
        with trio.move_on_after(0.05) as scope:
            await dial(address_of(server), ANY)
        assert scope.cancelled_caught
        assert open_descriptors() == before

    try:
        run(test)
    finally:
        for sock in (server, *waiting):
            sock.close()


@linux
@pytest.mark.parametrize("binding", [ANY, Binding(source="192.0.2.1"), Binding(device="gone0")])
def test_a_failure_leaves_no_socket_open(binding):
    async def test():
        with closed_port() as bound:
            before = open_descriptors()
            with pytest.raises(OSError, match=r"."):
                await dial(address_of(bound), binding)
            assert open_descriptors() == before

    run(test)


def test_a_family_without_support_is_an_oserror():
    async def test():
        with pytest.raises(OSError, match=r"."):
            await dial(Address(-1, (LOOPBACK, 1)), ANY)

    run(test)


def test_release_wakes_who_waits_on_the_socket_and_may_be_repeated():
    async def closed_under(sock):
        with pytest.raises(trio.ClosedResourceError):
            await trio.lowlevel.wait_readable(sock)

    async def test():
        with listener() as server:
            sock = await dial(address_of(server), ANY)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(closed_under, sock)
                await wait_all_tasks_blocked()
                release(sock)
            release(sock)
            assert sock.fileno() == -1

    run(test)


def test_the_manifest_is_told_what_a_socket_is_really_set_to():
    async def test():
        with listener() as server, await dial(address_of(server), ANY) as sock:
            told = socket_options()
            assert told["TCP_NODELAY"] == 1
            assert not sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            assert "timers" in str(told["SO_KEEPALIVE"])
            if sys.platform == "linux":
                assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 0
                assert "timers" in str(told["TCP_USER_TIMEOUT"])
                ip_recverr = 11  # linux/in.h; Python 3.11's socket module does not have it
                assert sock.getsockopt(socket.IPPROTO_IP, ip_recverr) == 0
                assert "not set" in str(told["IP_RECVERR"])

    run(test)


@linux
def test_the_kernels_own_timers():
    async def test():
        with listener() as server:
            sock = await dial(address_of(server), ANY)
            with sock:
                set_timers(sock, TcpTimers(user_timeout_ms=15_000))
                assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 15_000
                assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 0
                set_timers(
                    sock, TcpTimers(user_timeout_ms=25_000, keep_idle_s=15, keep_interval_s=3)
                )
                assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
                assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 15
                assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL) == 3

    run(test)


def test_what_fails_before_a_packet_left_is_told_from_what_the_way_said():
    async def test():
        with pytest.raises(CannotSend) as told:
            await dial(Address(socket.AF_INET, ("192.0.2.1", 443)), Binding(source="192.0.2.77"))
        assert told.value.errno == errno.EADDRNOTAVAIL
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            with pytest.raises(ConnectionRefusedError) as refused:
                await dial(address_of(closed), Binding())
            assert not isinstance(refused.value, CannotSend)

    run(test)
