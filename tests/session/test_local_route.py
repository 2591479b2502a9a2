import pytest

from stresser.model.events import PathChanged
from stresser.model.path_change import PathChange
from stresser.session.local_route import WaysOut


class Addresses:
    """A path witness that knows who holds which address."""

    def __init__(self, **interfaces):
        self.held = {"192.0.2.10": "eth0", "10.8.0.2": "tun0", "2001:db8::10": "eth0"}
        self.asked = []

    def interface_with(self, address):
        self.asked.append(address)
        return self.held.get(address)


def change(kind, interface, detail=""):
    return PathChanged(t_ns=1, utc="", change=kind, interface=interface, detail=detail)


DOWN = change(PathChange.LINK_DOWN, "tun0")
GONE = change(PathChange.LINK_REMOVED, "tun0")
LOST = change(PathChange.ADDRESS_REMOVED, "tun0", "10.8.0.2/24")
LOST_OTHER = change(PathChange.ADDRESS_REMOVED, "tun0", "10.8.0.20/24")
DEFAULT = change(PathChange.DEFAULT_ROUTE_CHANGED, "eth0", "via 192.0.2.1")
HARMLESS = [
    change(PathChange.LINK_UP, "tun0"),
    change(PathChange.MTU_CHANGED, "tun0"),
    change(PathChange.ROUTE_REMOVED, "tun0"),
    change(PathChange.LINK_REMOVED, "veth7"),
    change(PathChange.RESOLVER_CHANGED, None),
    LOST_OTHER,
]


@pytest.mark.parametrize(
    ("local", "device", "concerning"),
    [
        ("10.8.0.2:50000", None, [DOWN, GONE, LOST, DEFAULT]),
        ("10.8.0.2:50000", "tun0", [DOWN, GONE, LOST]),
        ("192.0.2.10:50000", None, [DEFAULT]),
        ("192.0.2.10:50000", "eth0", []),
        ("[2001:db8::10]:50000", None, [DEFAULT]),
        ("198.51.100.1:50000", None, [DEFAULT]),
    ],
)
def test_only_the_sessions_own_way_out_counts(local, device, concerning):
    ways = WaysOut(Addresses())  # type: ignore[arg-type]  # it asks for nothing else
    ways.learn(local)
    changes = [DOWN, GONE, LOST, DEFAULT, *HARMLESS]
    assert list(ways.concerning(changes, local, device)) == concerning


def test_an_address_is_looked_up_once_and_remembered_when_it_is_gone():
    addresses = Addresses()
    ways = WaysOut(addresses)  # type: ignore[arg-type]  # as above
    for port in range(100):
        ways.learn(f"10.8.0.2:{port}")
    addresses.held.clear()
    assert addresses.asked == ["10.8.0.2"]
    assert list(ways.concerning([GONE], "10.8.0.2:7", None)) == [GONE]
