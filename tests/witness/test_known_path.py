"""Notices in, changes out: what is a change, and what only repeats."""

import pytest

from stresser.model.path_change import PathChange
from stresser.witness.known_path import KnownPath
from stresser.witness.netlink import DumpEnd, KernelAddress, KernelRoute, KernelRule, Link, Notice

ETH = Link(2, "eth0", None, 1, 0x43, 1500)
TUN = Link(7, "tun0", "tun", 0xFFFE, 0x43, 1400)
OWN = KernelAddress(2, "192.0.2.10", 24)
DEFAULT = KernelRoute(2, 254, "0.0.0.0/0", 0, "", (("192.0.2.1", 2),))
NET = KernelRoute(2, 254, "10.0.0.0/8", 0, "", ((None, 7),))
DEFAULT6 = KernelRoute(10, 254, "::/0", 1024, "", (("fe80::1", 2),))
START = (ETH, TUN, OWN, DEFAULT, NET, DEFAULT6)
OFF, NO_CARRIER = 0x2, 0x3


@pytest.fixture
def known():
    path = KnownPath()
    for sequence, kind in enumerate((Link, KernelAddress, KernelRoute), 1):
        path.begin_dump(sequence, kind)
        for thing in START:
            if isinstance(thing, kind):
                assert path.apply(Notice(thing, sequence=sequence)) == []
        assert path.end_dump(DumpEnd(sequence, interrupted=False)) == []
    path.is_settled = True
    return path


def told(changes):
    return [(one.change.value, one.interface, one.detail) for one in changes]


@pytest.mark.parametrize("thing", START)
def test_what_is_known_is_no_change(known, thing):
    assert known.apply(Notice(thing)) == []


@pytest.mark.parametrize(
    ("notice", "change"),
    [
        (
            Notice(ETH._replace(flags=OFF)),
            ("link_down", "eth0", "switched off; Ethernet, MTU 1500"),
        ),
        (
            Notice(ETH._replace(flags=NO_CARRIER)),
            ("link_down", "eth0", "no carrier; Ethernet, MTU 1500"),
        ),
        (Notice(ETH._replace(mtu=1280)), ("mtu_changed", "eth0", "1500 -> 1280 bytes")),
        (Notice(ETH._replace(name="lan")), ("link_renamed", "lan", "eth0 -> lan")),
        (
            Notice(Link(9, "wg0", "wireguard", 0xFFFE, 0, 1420)),
            ("link_added", "wg0", "wireguard, a tunnel, MTU 1420, down"),
        ),
        (
            Notice(TUN, is_removed=True),
            ("link_removed", "tun0", "tun, a tunnel, MTU 1400"),
        ),
        (
            Notice(TUN._replace(to_namespace=True), is_removed=True),
            ("link_removed", "tun0", "tun, a tunnel, MTU 1400, moved to another network namespace"),
        ),
        (Notice(OWN._replace(address="192.0.2.11")), ("address_added", "eth0", "192.0.2.11/24")),
        (Notice(OWN, is_removed=True), ("address_removed", "eth0", "192.0.2.10/24")),
        (Notice(NET, is_removed=True), ("route_removed", "tun0", "removed: 10.0.0.0/8 dev tun0")),
        (
            Notice(NET._replace(hops=(("192.0.2.9", 2), (None, 7))), replaces=True),
            (
                "route_changed",
                "eth0",
                "changed: 10.0.0.0/8 via 192.0.2.9 dev eth0 and dev tun0 (was dev tun0)",
            ),
        ),
        (
            Notice(NET._replace(destination="10.7.0.0/16", kind="blackhole", hops=())),
            ("route_added", None, "added: blackhole 10.7.0.0/16"),
        ),
        (
            Notice(DEFAULT, is_removed=True),
            (
                "default_route_changed",
                "eth0",
                "removed: 0.0.0.0/0 via 192.0.2.1 dev eth0",
            ),
        ),
        (
            Notice(DEFAULT._replace(hops=((None, 7),))),
            (
                "default_route_changed",
                "tun0",
                "changed: 0.0.0.0/0 dev tun0 (was via 192.0.2.1 dev eth0)",
            ),
        ),
        (
            Notice(DEFAULT._replace(destination="0.0.0.0/1", hops=((None, 7),))),
            ("default_route_changed", "tun0", "added: 0.0.0.0/1 dev tun0"),
        ),
        (
            Notice(DEFAULT._replace(table=51820, metric=5, hops=((None, 99),))),
            (
                "default_route_changed",
                "interface 99",
                "added: 0.0.0.0/0 dev interface 99 metric 5 table 51820",
            ),
        ),
        (
            Notice(DEFAULT6._replace(hops=(("fe80::2", 2),)), replaces=True),
            (
                "default_route_changed",
                "eth0",
                "changed: ::/0 via fe80::2 dev eth0 metric 1024 (was via fe80::1 dev eth0)",
            ),
        ),
        (
            Notice(DEFAULT6._replace(hops=(("fe80::2", 2),))),  # beside the other one
            ("default_route_changed", "eth0", "added: ::/0 via fe80::2 dev eth0 metric 1024"),
        ),
        (
            Notice(KernelRule(2, 100, "from all lookup 7")),
            ("rule_added", None, "IPv4 rule 100: from all lookup 7"),
        ),
        (
            Notice(KernelRule(10, 100, "from all lookup 7"), is_removed=True),
            ("rule_removed", None, "IPv6 rule 100: from all lookup 7"),
        ),
    ],
)
def test_one_change(known, notice, change):
    assert told(known.apply(notice)) == [change]
    if not notice.is_removed and change[0] not in {"rule_added", "rule_removed"}:
        assert known.apply(notice) == []  # told once


def test_tunnels_are_marked(known):
    (down,) = known.apply(Notice(TUN._replace(flags=OFF)))
    (other,) = known.apply(Notice(ETH._replace(flags=OFF)))
    assert (down.is_tunnel, other.is_tunnel) == (True, False)


def test_several_changes_in_one_notice(known):
    changes = known.apply(Notice(ETH._replace(name="lan", mtu=1280, flags=OFF)))
    assert [one.change for one in changes] == [
        PathChange.LINK_RENAMED,
        PathChange.MTU_CHANGED,
        PathChange.LINK_DOWN,
    ]


@pytest.mark.parametrize(
    "thing",
    [KernelAddress(2, "fe80::5", 64), KernelRoute(10, 254, "fe80::/64", 256, "", ((None, 2),))],
)
def test_link_local_ones_follow_their_link(known, thing):
    assert known.apply(Notice(thing)) == []


@pytest.mark.parametrize(
    ("notice", "in_doubt"),
    [
        (Notice(ETH._replace(flags=OFF)), True),
        (Notice(ETH._replace(flags=NO_CARRIER)), False),  # IPv4 keeps the routes
        (Notice(ETH, is_removed=True), True),
        (Notice(OWN, is_removed=True), True),
        (Notice(ETH._replace(mtu=1280)), False),
    ],
)
def test_when_routes_may_have_gone_without_a_notice(known, notice, in_doubt):
    known.apply(notice)
    assert known.routes_in_doubt is in_doubt
    known.begin_dump(9, KernelRoute)
    assert not known.routes_in_doubt


def dumped(known, kind, things, *, interrupted=False, error=0):
    known.begin_dump(9, kind)
    changes = [change for one in things for change in known.apply(Notice(one, sequence=9))]
    ended = known.end_dump(DumpEnd(9, interrupted=interrupted, error=error))
    return told(changes + ended)


def test_a_dump_finds_what_went_silently(known):
    known.apply(Notice(TUN, is_removed=True))
    silently = "gone without a notice: "
    assert dumped(known, KernelRoute, [DEFAULT, DEFAULT6]) == [
        ("route_removed", "tun0", f"{silently}10.0.0.0/8 dev tun0")
    ]
    assert dumped(known, KernelRoute, [DEFAULT]) == [
        ("default_route_changed", "eth0", f"{silently}::/0 via fe80::1 dev eth0 metric 1024")
    ]
    assert dumped(known, KernelAddress, []) == [
        ("address_removed", "eth0", f"{silently}192.0.2.10/24")
    ]
    assert dumped(known, Link, []) == [("link_removed", "eth0", "Ethernet, MTU 1500")]


def test_a_dump_finds_what_is_new(known):
    new = NET._replace(destination="10.9.0.0/16")
    assert dumped(known, KernelRoute, [DEFAULT, NET, DEFAULT6, new]) == [
        ("route_added", "tun0", "added: 10.9.0.0/16 dev tun0")
    ]


@pytest.mark.parametrize("trouble", [{"interrupted": True}, {"error": 16}])
def test_a_dump_that_may_not_be_whole_removes_nothing(known, trouble):
    assert dumped(known, KernelRoute, [], **trouble) == []


def test_answers_to_a_dump_that_was_given_up_say_nothing(known):
    known.begin_dump(9, KernelRoute)
    known.begin_dump(10, Link)
    assert known.apply(Notice(NET._replace(metric=3), sequence=9)) == []
    assert known.end_dump(DumpEnd(9, interrupted=False)) is None


def test_the_routes_of_a_whole_internet_fill_no_memory(known):
    def many(start):
        return (
            KernelRoute(2, 254, f"10.{n >> 8}.{n & 255}.0/24", 0, "", ((None, 7),))
            for n in range(start, start + 20_000)
        )

    assert sum(len(known.apply(Notice(one))) for one in many(0)) == 20_000
    assert len(known._routes) <= 4096
    assert (
        dumped(known, KernelRoute, [*START[3:], *many(0)]) == []
    )  # what is not known is not judged
    halves = [DEFAULT._replace(table=table) for table in range(300, 310)]
    assert all(known.apply(Notice(one)) for one in halves)
    assert not any(known.apply(Notice(one)) for one in halves)  # these are known all the same


def test_links_by_address_and_by_name(known):
    assert known.link_with("192.0.2.10") == ETH
    assert known.link_with("192.0.2.11") is None
    assert known.link_named("tun0") == TUN
    assert known.link_named("tun1") is None
    known.apply(Notice(ETH, is_removed=True))
    assert known.link_with("192.0.2.10") is None
