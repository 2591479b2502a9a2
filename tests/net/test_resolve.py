"""Names to addresses, with no resolver but this host's own."""

import errno
import socket

import pytest
import trio
from trio.abc import HostnameResolver

from stresser.model.faults import NameNotResolved
from stresser.net.resolve import Address, format_sockaddr, literal_address, resolve
from tests.net.peers import run


@pytest.mark.parametrize(
    ("host", "family", "sockaddr"),
    [
        ("192.0.2.1", socket.AF_INET, ("192.0.2.1", 443)),
        ("2001:db8::1", socket.AF_INET6, ("2001:db8::1", 443, 0, 0)),
        ("::ffff:192.0.2.1", socket.AF_INET6, ("::ffff:192.0.2.1", 443, 0, 0)),
    ],
)
def test_a_literal_is_its_own_address_and_nobody_is_asked(host, family, sockaddr):
    async def test():
        assert await resolve(host, 443) == [Address(family, sockaddr)]

    run(test)


@pytest.mark.parametrize("host", ["localhost", "1.2.3", "192.0.2.1.", "192.0.2.256", "", "[::1]"])
def test_a_name_is_no_literal(host):
    assert literal_address(host, 443) is None


def test_localhost_is_here():
    async def test():
        found = await resolve("localhost", 8443)
        assert found
        for address in found:
            assert address.family in {socket.AF_INET, socket.AF_INET6}
            assert address.sockaddr[0] in {"127.0.0.1", "::1"}
            assert address.sockaddr[1] == 8443
        assert len(set(found)) == len(found)

    run(test)


def test_a_name_that_is_never_in_the_dns_is_not_resolved():
    # RFC 6761: EAI_NONAME from a resolver, EAI_AGAIN where none can be reached.
    async def test():
        with pytest.raises(NameNotResolved) as caught:
            await resolve("nobody.invalid", 443)
        assert caught.value.code in {socket.EAI_NONAME, socket.EAI_AGAIN, socket.EAI_NODATA}
        assert isinstance(caught.value.__cause__, socket.gaierror)
        assert str(caught.value)

    run(test)


@pytest.mark.parametrize("host", ["a" * 64 + ".test", "..", "\udcff.test", "a..test"])
def test_what_is_no_name_is_not_resolved_either(host):
    async def test():
        with pytest.raises(NameNotResolved) as caught:
            await resolve(host, 443)
        assert caught.value.code in {None, socket.EAI_NONAME, socket.EAI_AGAIN, socket.EAI_NODATA}

    run(test)


def test_a_cancelled_look_up_ends_at_once():
    async def test():
        with trio.CancelScope() as scope:
            scope.cancel()
            await resolve("localhost", 443)
        assert scope.cancelled_caught

    run(test)


@pytest.mark.parametrize(
    ("sockaddr", "text"),
    [
        (("192.0.2.1", 443), "192.0.2.1:443"),
        (("2001:db8::1", 443, 0, 0), "[2001:db8::1]:443"),
    ],
)
def test_an_address_as_it_is_shown(sockaddr, text):
    assert format_sockaddr(sockaddr) == text
    assert str(Address(socket.AF_INET, sockaddr)) == text


def test_a_resolved_address_can_be_dialled():
    async def test():
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            for address in await resolve("localhost", port):
                with socket.socket(address.family) as sock:
                    refused = sock.connect_ex(address.sockaddr)
                    assert refused in {0, errno.ECONNREFUSED, errno.EADDRNOTAVAIL}

    run(test)


class BothFamilies(HostnameResolver):
    """Each name has an address of either family."""

    async def getaddrinfo(self, host, port, *args, **kwargs):
        return [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("2001:db8::1", port, 0, 0)),
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", port)),
        ][: 1 if b"six" in bytes(host) else 2]

    async def getnameinfo(self, sockaddr, flags):
        raise NotImplementedError


@pytest.mark.parametrize(
    ("family", "hosts"),
    [
        (None, ["2001:db8::1", "192.0.2.1"]),
        (socket.AF_INET, ["192.0.2.1"]),
        (socket.AF_INET6, ["2001:db8::1"]),
    ],
)
def test_one_family_alone(family, hosts):
    async def test():
        trio.socket.set_custom_hostname_resolver(BothFamilies())
        assert [one.host for one in await resolve("a.example", 443, family)] == hosts

    run(test)


def test_a_name_without_an_address_of_the_family_exists_all_the_same():
    async def test():
        trio.socket.set_custom_hostname_resolver(BothFamilies())
        with pytest.raises(NameNotResolved, match="no IPv4 address") as caught:
            await resolve("six.example", 443, socket.AF_INET)
        assert caught.value.code is None

    run(test)
