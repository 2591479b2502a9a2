"""Which changes of this host's path concern a session: what its kernel says, and its own link."""

import socket
from dataclasses import dataclass, field

import pytest

from stresser.model.events import PathChanged
from stresser.model.evidence import MOST_ROUTE_CHANGES
from stresser.model.path_change import PathChange
from stresser.net.dial import Binding
from stresser.net.resolve import Address
from stresser.session.local_route import LocalRoutes
from stresser.witness.kernel_route import AnswerChanged, RouteAnswer, RouteQuestion

FAR = Address(socket.AF_INET, ("203.0.113.9", 443))
LOCAL, PORTLESS = "10.8.0.2:50000", "10.8.0.2"
BY_TABLE, BY_DEVICE, BY_SOURCE = Binding(), Binding(device="tun0"), Binding(source=PORTLESS)
VIA_TUNNEL = RouteAnswer("unicast", "tun0", None, PORTLESS)
VIA_LAN = RouteAnswer("unicast", "eth0", "192.0.2.1", "192.0.2.10")


@dataclass
class Kernel:
    """Answers as it is told to; each answer that differs from the one before is a change."""

    answer: RouteAnswer | None = VIA_TUNNEL
    now_ns: int = 0
    asked: list[RouteQuestion] = field(default_factory=list)
    told: dict[RouteQuestion, list[RouteAnswer]] = field(default_factory=dict)
    changed: dict[RouteQuestion, list[AnswerChanged]] = field(default_factory=dict)

    def ask(self, question):
        self.asked.append(question)
        return self.answer

    def watch(self, question, within_ns=0):
        del within_ns
        if self.answer is None:
            return None
        known = self.told.setdefault(question, [])
        if known and self.answer != known[-1]:
            change = AnswerChanged(self.now_ns, known[-1], self.answer)
            self.changed.setdefault(question, []).append(change)
        known.append(self.answer)
        return self.answer

    def changes(self, question, from_ns, until_ns):
        return [c for c in self.changed.get(question, []) if from_ns <= c.t_ns <= until_ns]


class Path:
    """A path witness that knows who holds which address, and a kernel."""

    def __init__(self):
        self.held = {"192.0.2.10": "eth0", PORTLESS: "tun0", "2001:db8::10": "eth0"}
        self.routes = Kernel()

    def look(self):
        pass

    def interface_with(self, address):
        return self.held.get(address)


def change(kind, interface, detail=""):
    return PathChanged(t_ns=1, utc="", change=kind, interface=interface, detail=detail)


DOWN = change(PathChange.LINK_DOWN, "tun0", "no carrier")
GONE = change(PathChange.LINK_REMOVED, "tun0")
LOST = change(PathChange.ADDRESS_REMOVED, "tun0", "10.8.0.2/24")
OTHERS = [
    change(PathChange.ADDRESS_REMOVED, "tun0", "10.8.0.20/24"),
    change(PathChange.DEFAULT_ROUTE_CHANGED, "eth0", "via 192.0.2.1"),
    change(PathChange.DEFAULT_ROUTE_CHANGED, "tun0", "via 10.8.0.1"),
    change(PathChange.ROUTE_REMOVED, "tun0"),
    change(PathChange.LINK_UP, "tun0"),
    change(PathChange.MTU_CHANGED, "tun0"),
    change(PathChange.LINK_REMOVED, "veth7"),
    change(PathChange.RESOLVER_CHANGED, None),
]


@pytest.mark.parametrize(
    ("local", "device", "concerning"),
    [
        (LOCAL, None, 3),
        (LOCAL, "tun0", 3),
        ("192.0.2.10:50000", None, 0),
        ("192.0.2.10:50000", "eth0", 0),
        ("[2001:db8::10]:50000", None, 0),
        ("198.51.100.1:50000", None, 0),
    ],
)
def test_of_events_only_those_of_its_own_link_and_address_count(local, device, concerning):
    ways = LocalRoutes(Path())  # type: ignore[arg-type]  # it asks for nothing else
    ways.learn(local, FAR, Binding(device=device))
    found = list(ways.gone_with_link([DOWN, GONE, LOST, *OTHERS], local, device))
    assert len(found) == concerning
    if found:
        assert found[0] == ("link down tun0: no carrier", 1)


@pytest.mark.parametrize("binding", [BY_TABLE, BY_DEVICE, BY_SOURCE])
def test_a_session_is_told_what_became_of_its_route(binding):
    path = Path()
    ways = LocalRoutes(path)  # type: ignore[arg-type]  # as above
    ways.learn(LOCAL, FAR, binding)
    assert ways.changed_for_session(LOCAL, FAR, binding, (0, 100)) == []
    path.routes.answer, path.routes.now_ns = VIA_LAN, 50
    expected = ["to 203.0.113.9: dev tun0 -> via 192.0.2.1 dev eth0"]
    assert ways.changed_for_session(LOCAL, FAR, binding, (0, 100)) == expected
    # Before the last proof of life it did no harm.
    assert ways.changed_for_session(LOCAL, FAR, binding, (51, 100)) == []


def test_an_attempt_is_told_how_the_last_session_got_there():
    path = Path()
    ways = LocalRoutes(path)  # type: ignore[arg-type]  # as above
    assert ways.changed_for_attempt(FAR, BY_SOURCE) == []  # none has got there
    ways.learn(LOCAL, FAR, BY_SOURCE)
    assert ways.changed_for_attempt(FAR, BY_SOURCE) == []
    path.routes.answer = VIA_LAN
    assert len(ways.changed_for_attempt(FAR, BY_SOURCE)) == 1
    assert ways.changed_for_attempt(FAR, BY_DEVICE) == []  # another way
    ways.learn(LOCAL, FAR, BY_SOURCE)  # a session opened all the same
    assert ways.changed_for_attempt(FAR, BY_SOURCE) == []


def test_a_flapping_route_fills_no_evidence():
    path = Path()
    ways = LocalRoutes(path)  # type: ignore[arg-type]  # as above
    for turn in range(40):
        path.routes.answer = VIA_LAN if turn % 2 else VIA_TUNNEL
        ways.learn(LOCAL, FAR, BY_TABLE)
    assert len(ways.changed_for_session(LOCAL, FAR, BY_TABLE, (0, 1))) == MOST_ROUTE_CHANGES


def test_what_stands_behind_a_gateway():
    path = Path()
    ways = LocalRoutes(path)  # type: ignore[arg-type]  # as above
    assert not ways.behind_gateway(FAR, BY_TABLE)
    ways.learn(LOCAL, FAR, BY_TABLE)
    assert not ways.behind_gateway(FAR, BY_TABLE)
    path.routes.answer = VIA_LAN
    ways.learn(LOCAL, FAR, BY_TABLE)
    assert ways.behind_gateway(FAR, BY_TABLE)


def test_without_a_witness_nothing_is_said():
    ways = LocalRoutes()
    ways.learn(LOCAL, FAR, BY_TABLE)
    assert ways.changed_for_session(LOCAL, FAR, BY_TABLE, (0, 1)) == []
    assert ways.changed_for_attempt(FAR, BY_TABLE) == []
    assert not ways.behind_gateway(FAR, BY_TABLE)


def test_a_kernel_that_does_not_tell_accuses_nobody():
    path = Path()
    ways = LocalRoutes(path)  # type: ignore[arg-type]  # as above
    ways.learn(LOCAL, FAR, BY_TABLE)
    path.routes.answer = None
    assert ways.changed_for_attempt(FAR, BY_TABLE) == []
