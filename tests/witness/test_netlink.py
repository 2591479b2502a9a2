"""Routing messages: decoded from bytes laid out by hand, and beside pyroute2 on a real kernel's."""

import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyroute2.netlink.rtnl.marshal import MarshalRtnl

from stresser.witness.netlink import (
    GET_ADDRESS,
    GET_LINK,
    GET_ROUTE,
    DumpEnd,
    KernelAddress,
    KernelRoute,
    KernelRule,
    Link,
    Notice,
    decode,
    dump_request,
)
from tests.fakes.namespace import in_namespace, ip

NEW_LINK, DEL_LINK, NEW_ADDRESS, DEL_ADDRESS = 16, 17, 20, 21
NEW_ROUTE, DEL_ROUTE, NEW_RULE, DEL_RULE = 24, 25, 32, 33
MULTI, REPLACE, INTERRUPTED = 2, 0x100, 0x10


def attribute(kind, value):
    value = value.encode() + b"\0" if isinstance(value, str) else value
    value = struct.pack("=I", value) if isinstance(value, int) else value
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def message(kind, body, *, flags=0, sequence=0):
    head = struct.pack("=IHHII", 16 + len(body), kind, flags, sequence, 0)
    return head + body + bytes(-len(body) % 4)


def link(*attributes, family=0, flags=0x10043, arp_type=1, index=4):
    return struct.pack("=BxHiII", family, arp_type, index, flags, 0) + b"".join(attributes)


def address(*attributes, family=2, prefix=24, index=4):
    return struct.pack("=BBBBI", family, prefix, 0, 0, index) + b"".join(attributes)


def route(*attributes, family=2, length=24, table=254, kind=1, flags=0):
    head = struct.pack("=BBBBBBBBI", family, length, 0, 0, table, 3, 0, kind, flags)
    return head + b"".join(attributes)


def rule(*attributes, from_length=24):
    """struct fib_rule_hdr: laid out as a route, with a source where a route has none."""
    return struct.pack("=BBBBBBBBI", 2, 0, from_length, 0, 0, 0, 0, 1, 0) + b"".join(attributes)


def notices(data):
    return [one for one in decode(data) if isinstance(one, Notice)]


TUN = link(attribute(3, "tun0"), attribute(4, 1400), attribute(0x8012, attribute(1, "tun")))
V4, V6 = socket.AF_INET, socket.AF_INET6
NET, GATEWAY = socket.inet_aton("10.1.2.0"), socket.inet_aton("192.0.2.1")
NET6, GATEWAY6 = socket.inet_pton(V6, "2001:db8::"), socket.inet_pton(V6, "fe80::1")
HOPS = b"".join(
    struct.pack("=HBBi", 16, 0, 0, index) + attribute(5, socket.inet_aton(f"192.0.2.{index}"))
    for index in (4, 5)
)
SMALL = "10.1.2.0/24"


@pytest.mark.parametrize(
    ("kind", "body", "thing"),
    [
        (NEW_LINK, TUN, Link(4, "tun0", "tun", 1, 0x10043, 1400)),
        (NEW_LINK, link(attribute(3, "eth0")), Link(4, "eth0", None, 1, 0x10043, 0)),
        (NEW_LINK, link(arp_type=0xFFFE), Link(4, "interface 4", None, 0xFFFE, 0x10043, 0)),
        (
            DEL_LINK,
            link(attribute(3, "wg0"), attribute(45, 0)),
            Link(4, "wg0", None, 1, 0x10043, 0, to_namespace=True),
        ),
        (NEW_ADDRESS, address(attribute(1, GATEWAY)), KernelAddress(4, "192.0.2.1", 24)),
        (
            NEW_ADDRESS,
            address(attribute(1, GATEWAY), attribute(2, NET), prefix=32),  # point to point
            KernelAddress(4, "10.1.2.0", 32),
        ),
        (
            DEL_ADDRESS,
            address(attribute(1, NET6), family=10, prefix=64),
            KernelAddress(4, "2001:db8::", 64),
        ),
        (
            NEW_ROUTE,
            route(attribute(1, NET), attribute(5, GATEWAY), attribute(4, 4), attribute(6, 100)),
            KernelRoute(2, 254, SMALL, 100, "", (("192.0.2.1", 4),)),
        ),
        (
            NEW_ROUTE,
            route(attribute(4, 7), length=0, table=0, flags=0) + attribute(15, 51820),
            KernelRoute(2, 51820, "0.0.0.0/0", 0, "", ((None, 7),)),
        ),
        (
            NEW_ROUTE,
            route(attribute(1, NET), kind=6),
            KernelRoute(2, 254, SMALL, 0, "blackhole", ()),
        ),
        (
            NEW_ROUTE,
            route(attribute(1, NET), attribute(9, HOPS)),
            KernelRoute(2, 254, SMALL, 0, "", (("192.0.2.4", 4), ("192.0.2.5", 5))),
        ),
        (
            DEL_ROUTE,
            route(attribute(5, GATEWAY6), attribute(4, 4), family=10, length=0),
            KernelRoute(10, 254, "::/0", 0, "", (("fe80::1", 4),)),
        ),
        (
            NEW_ROUTE,
            route(attribute(1, NET), attribute(18, b"\x0a\0" + GATEWAY6), attribute(4, 4)),
            KernelRoute(2, 254, SMALL, 0, "", (("fe80::1", 4),)),
        ),
        (
            NEW_RULE,
            rule(attribute(2, NET), attribute(6, 100), attribute(10, 0x64), attribute(15, 51820)),
            KernelRule(2, 100, "from 10.1.2.0/24 fwmark 0x64 lookup 51820"),
        ),
        (
            DEL_RULE,
            route(attribute(3, "eth0"), table=7),
            KernelRule(2, 0, "from all iif eth0 lookup 7"),
        ),
    ],
)
def test_what_a_message_says(kind, body, thing):
    assert list(decode(message(kind, body))) == [Notice(thing, kind % 4 == 1)]


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (DEL_LINK, link(family=7)),  # a bridge's port, not the link
        (NEW_LINK, link(family=10)),  # IPv6's settings of a link
        (NEW_ADDRESS, address()),
        (NEW_ROUTE, route(attribute(1, NET), table=255)),
        (NEW_ROUTE, route(attribute(1, NET), kind=2)),
        (NEW_ROUTE, route(attribute(1, NET6), family=10, flags=0x200)),  # a cached clone
        (NEW_ROUTE, route(family=28)),
        (NEW_ROUTE, b"\x02"),
        (28, b"neighbours are not asked for"),
    ],
)
def test_what_says_nothing_of_the_path(kind, body):
    assert list(decode(message(kind, body))) == []


def test_answers_are_told_from_notices_that_others_caused():
    body = route(attribute(1, NET), attribute(4, 4))
    answer, notice, replaced = notices(
        message(NEW_ROUTE, body, flags=MULTI, sequence=9)
        + message(NEW_ROUTE, body, sequence=1_700_000_000)
        + message(NEW_ROUTE, body, flags=REPLACE, sequence=5)
    )
    assert (answer.sequence, answer.replaces) == (9, False)
    assert (notice.sequence, notice.replaces) == (0, False)
    assert (replaced.sequence, replaced.replaces) == (0, True)


@pytest.mark.parametrize(
    ("data", "ends"),
    [
        (
            message(3, struct.pack("=i", 0), flags=MULTI, sequence=3),
            [DumpEnd(3, interrupted=False)],
        ),
        (message(2, struct.pack("=i", -16), sequence=3), [DumpEnd(3, interrupted=False, error=16)]),
        (
            message(1, b"", flags=MULTI | INTERRUPTED, sequence=3)
            + message(3, struct.pack("=i", 0), flags=MULTI, sequence=3),
            [DumpEnd(3, interrupted=True)],
        ),
    ],
)
def test_the_end_of_a_dump(data, ends):
    assert list(decode(data)) == ends


@given(st.binary(max_size=200), st.sampled_from([16, 17, 20, 24, 25, 32]))
def test_no_bytes_are_too_strange(noise, kind):
    list(decode(noise))
    list(decode(message(kind, noise)))


@given(st.integers(0, len(TUN)))
def test_a_message_that_is_cut_off_is_left_out_or_says_less(length):
    for notice in notices(message(NEW_LINK, TUN[:length])):
        assert isinstance(notice.thing, Link)
        assert notice.thing.name in {"tun0", "interface 4"}


@given(st.integers(0, len(TUN)))
def test_a_datagram_that_is_cut_off(length):
    assert (
        len(list(decode((message(NEW_LINK, TUN) * 2)[: len(message(NEW_LINK, TUN)) + length]))) >= 1
    )


# Beside pyroute2, on what a kernel says


def ask(kind):
    """The kernel's answer to a dump request, in whole messages."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as sock:
        sock.bind((0, 0))
        sock.sendto(dump_request(kind, 5), (0, 0))
        data = b""
        while not any(isinstance(one, DumpEnd) for one in decode(data)):
            data += sock.recv(1 << 18)
        return data


def judged(data):
    """What pyroute2 finds in the same bytes, as our own words for it."""
    for found in MarshalRtnl().parse(data):
        if found["event"] == "RTM_NEWLINK":
            info = found.get_attr("IFLA_LINKINFO")
            kind = None if info is None else info.get_attr("IFLA_INFO_KIND")
            name, mtu = found.get_attr("IFLA_IFNAME"), found.get_attr("IFLA_MTU")
            yield Link(found["index"], name, kind, found["ifi_type"], found["flags"], mtu)
        elif found["event"] == "RTM_NEWADDR":
            text = found.get_attr("IFA_LOCAL") or found.get_attr("IFA_ADDRESS")
            yield KernelAddress(found["index"], text, found["prefixlen"])
        elif found["event"] == "RTM_NEWROUTE" and found.get_attr("RTA_TABLE") != 255:
            zero = socket.inet_ntop(found["family"], bytes(4 if found["family"] == V4 else 16))
            yield KernelRoute(
                found["family"],
                found.get_attr("RTA_TABLE"),
                f"{found.get_attr('RTA_DST') or zero}/{found['dst_len']}",
                found.get_attr("RTA_PRIORITY") or 0,
                {1: "", 6: "blackhole", 7: "unreachable"}.get(found["type"], "other"),
                tuple(judged_hops(found)),
            )


def judged_hops(found):
    several = found.get_attr("RTA_MULTIPATH")
    if several is not None:
        for hop in several:
            yield hop.get_attr("RTA_GATEWAY"), hop["oif"]
    elif found.get_attr("RTA_OIF") is not None:
        yield found.get_attr("RTA_GATEWAY"), found.get_attr("RTA_OIF")


@pytest.mark.netlab
def test_a_kernels_answers_mean_what_pyroute2_says():
    async def story():
        ip("link set lo up")
        ip("link add veth7 type veth peer name veth8")
        ip("link set veth7 mtu 1400 up")
        ip("link set veth8 up")
        ip("address add 192.0.2.5/24 dev veth7")
        ip("address add 198.51.100.5 peer 198.51.100.6 dev veth8")
        ip("address add 2001:db8::5/64 dev veth7 nodad")
        ip("route add default via 192.0.2.1 dev veth7 metric 50")
        ip("route add 10.0.0.0/8 nexthop via 192.0.2.2 nexthop via 198.51.100.6")
        ip("route add blackhole 10.7.0.0/16")
        ip("route add default dev veth8 table 51820")
        ip("-6 route add default via 2001:db8::1 dev veth7")
        return [ask(kind) for kind in (GET_LINK, GET_ADDRESS, GET_ROUTE)]

    for data in in_namespace(story):
        ours = [one.thing for one in notices(data)]
        theirs = [
            one for one in judged(data) if not isinstance(one, KernelRoute) or one.kind != "other"
        ]
        assert len(ours) >= 3
        assert ours == theirs
