"""How the kernel sends, asked of a real one in a namespace of the test's own."""

import errno
import os

import pytest
import trio

from stresser.witness.clock import RunClock
from stresser.witness.kernel_route import KernelRoutes, RouteAnswer, RouteQuestion
from stresser.witness.path import PathWitness
from tests.fakes.namespace import in_namespace, ip

FAR = "203.0.113.9"
BY_TABLE = RouteQuestion(FAR, 443)
BY_DEVICE = RouteQuestion(FAR, 443, device="vpn0")
BY_SOURCE = RouteQuestion(FAR, 443, source="192.0.2.66")
FLOW = RouteQuestion(FAR, 443, source="192.0.2.66", device="vpn0")
VIA_LAN = RouteAnswer("unicast", "lan0", "192.0.2.1", "192.0.2.10")
VIA_VPN = RouteAnswer("unicast", "vpn0", "192.0.2.65", "192.0.2.66")
ALL = (BY_TABLE, BY_DEVICE, BY_SOURCE, FLOW)


def in_town(story):
    """Two links with a default route each, the second by its metric and for its source."""

    async def alone():
        await trio.lowlevel.checkpoint()
        ip("link set lo up")
        for name, address in (("lan0", "192.0.2.10/26"), ("vpn0", "192.0.2.66/26")):
            ip(f"link add {name} type veth peer name far-{name}")
            ip(f"link set far-{name} up")
            ip(f"link set {name} up")
            ip(f"address add {address} dev {name}")
        ip("route add default via 192.0.2.1 dev lan0 metric 100")
        ip("route add default via 192.0.2.65 dev vpn0 metric 200")
        ip("route add default via 192.0.2.65 dev vpn0 table 7")
        ip("rule add from 192.0.2.66 lookup 7")
        routes = KernelRoutes(RunClock())
        routes.open()
        try:
            story(routes)
        finally:
            routes.close()

    in_namespace(alone)


def test_each_is_answered_as_its_packets_would_go():
    def story(routes):
        assert routes.ask(BY_TABLE) == VIA_LAN
        assert routes.ask(BY_DEVICE) == VIA_VPN
        assert [routes.ask(one).device for one in (BY_SOURCE, FLOW)] == ["vpn0", "vpn0"]
        near = routes.ask(RouteQuestion("192.0.2.20", 443))
        assert (near.device, near.gateway) == ("lan0", None)
        assert routes.ask(RouteQuestion("127.0.0.1", 443)).kind == "local"
        assert routes.ask(RouteQuestion("2001:db8::9", 443)).error == os.strerror(errno.ENETUNREACH)
        assert VIA_LAN.words == "via 192.0.2.1 dev lan0"

    in_town(story)


@pytest.mark.parametrize(
    ("doing", "changed"),
    [
        # What no session uses: another metric, another table, another destination, family, rule.
        ("route add default via 192.0.2.65 dev vpn0 metric 5000", ()),
        ("route add default via 192.0.2.2 dev lan0 table 99", ()),
        ("route add 198.51.100.0/24 via 192.0.2.2 dev lan0", ()),
        ("-6 route add default dev lan0", ()),
        ("rule add from 198.51.100.1 lookup 99", ()),
        ("rule add to 203.0.113.9 dport 80 lookup 99", ()),
        ("link set lan0 mtu 1400", ()),
        # What some use.
        ("route del default via 192.0.2.1 dev lan0", (BY_TABLE,)),
        ("route add 203.0.113.0/24 via 192.0.2.2 dev lan0", (BY_TABLE,)),
        ("route add unreachable 203.0.113.9", (BY_TABLE, BY_DEVICE)),
        ("route flush table 7", (BY_SOURCE,)),  # by its device there is another
        ("route del default via 192.0.2.65 dev vpn0 metric 200", (BY_DEVICE,)),
        ("address del 192.0.2.66/26 dev vpn0", (BY_DEVICE, BY_SOURCE, FLOW)),
        ("link set vpn0 down", (BY_DEVICE, BY_SOURCE, FLOW)),
        ("link del vpn0", (BY_DEVICE, BY_SOURCE, FLOW)),
        ("rule add pref 90 to 203.0.113.9 dport 443 unreachable", ALL),
    ],
)
def test_a_change_concerns_those_whose_answer_it_changes(doing, changed):
    def story(routes):
        for question in ALL:
            routes.watch(question)
        ip(doing)
        routes.look()
        found = {one for one in ALL if routes.changes(one, 0, 2**62)}
        assert found == set(changed)

    in_town(story)


def test_a_route_that_was_away_for_a_while_has_changed_twice():
    def story(routes):
        routes.watch(BY_TABLE)
        ip("route del default via 192.0.2.1 dev lan0")
        routes.look()
        ip("route add default via 192.0.2.1 dev lan0 metric 100")
        routes.look()
        away, back = routes.changes(BY_TABLE, 0, 2**62)
        assert (away.before, away.after, back.after) == (VIA_LAN, VIA_VPN, VIA_LAN)
        assert routes.changes(BY_TABLE, back.t_ns, back.t_ns) == [back]
        assert routes.changes(BY_TABLE, back.t_ns + 1, 2**62) == []

    in_town(story)


def test_of_many_who_ask_at_once_the_kernel_is_asked_once():
    def story(routes):
        first = routes.watch(BY_TABLE, 10**15)
        ip("route del default via 192.0.2.1 dev lan0")
        assert routes.watch(BY_TABLE, 10**15) == first
        assert routes.watch(BY_TABLE) == VIA_VPN
        assert len(routes.changes(BY_TABLE, 0, 2**62)) == 1
        ip("route add default via 192.0.2.1 dev lan0 metric 100")
        routes.look()  # something has changed: whatever was known is asked again
        assert routes.watch(BY_TABLE, 10**15) == VIA_LAN

    in_town(story)


def test_a_device_that_is_not_there_and_a_system_that_does_not_tell():
    def story(routes):
        gone = routes.ask(RouteQuestion(FAR, 443, device="tun9"))
        assert gone.error == os.strerror(errno.ENODEV)
        assert routes.ask(RouteQuestion("not an address", 443)) is None
        routes.close()
        assert routes.ask(BY_TABLE) is None
        assert routes.watch(BY_TABLE) is None
        routes.look()

    in_town(story)


def test_the_path_witness_asks_again_when_something_has_changed():
    async def alone():
        ip("link set lo up")
        ip("link add lan0 type veth peer name far0")
        ip("link set far0 up")
        ip("link set lan0 up")
        ip("address add 192.0.2.10/24 dev lan0")
        ip("route add default via 192.0.2.1 dev lan0")
        witness = PathWitness(RunClock(), lambda _: None)
        witness.open()
        try:
            witness.routes.watch(BY_TABLE)
            ip("route change default via 192.0.2.2 dev lan0")
            with trio.fail_after(5):
                while not witness.routes.changes(BY_TABLE, 0, 2**62):
                    await trio.sleep(0.01)
                    witness.look()
        finally:
            witness.close()

    in_namespace(alone)
