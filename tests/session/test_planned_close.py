"""A planned end proves what lived and what was dead: hours of silence in virtual time."""

import pytest
import trio

from stresser.model.ending import Initiator, Kind, NoDrop, Proof
from stresser.model.events import PathChanged
from stresser.model.path_change import PathChange
from stresser.model.quantity import Quantity
from stresser.model.units import NS_PER_S
from stresser.session.local_route import LocalRoutes
from tests.fakes.certificates import server_context
from tests.fakes.peers import TlsPeer, tls_server, websocket_server
from tests.fakes.world import heartbeat, life, silent

HOUR = 3600
LOST_S = HOUR // 2
SERVERS = {"wss": websocket_server, "tls": tls_server}


def ended(scheme="wss", program=None, lose=None, **route):
    """One silent session that is closed after an hour, half way through which `lose` strikes."""

    async def during(made):
        await trio.sleep_until(LOST_S)
        if lose is not None:
            lose(made.paths[0])

    program = program or SERVERS[scheme](server_context())
    made = life(program, HOUR, scheme=scheme, during=during, activity=silent(), **route)
    assert made.around.bugs.count == 0
    return made.notebook.only_ended(), made


def forget(path):
    path.forgotten = True


def stop(path, tried, times):
    """What the kernel counts: retransmissions of what left, or probes, for nothing leaves."""
    setattr(path.kernel, tried, times)
    path.kernel.never_leaves = tried == "probes"
    path.go_dark()


@pytest.mark.parametrize("scheme", SERVERS)
def test_who_answers_the_goodbye_lived(scheme):
    event, _ = ended(scheme)
    assert (event.ending.kind, event.ending.proved) == (Kind.PLANNED, Proof.ALIVE)
    assert (event.ending.is_drop, event.ending.no_drop) == (False, NoDrop.PLANNED)


@pytest.mark.parametrize("scheme", SERVERS)
def test_a_forgotten_flow_is_found_dead_and_bracketed(scheme):
    event, made = ended(scheme, lose=forget)
    ending = event.ending
    assert (ending.kind, ending.proved, ending.failure) == (
        Kind.FOUND_DEAD, Proof.DEAD, "found_dead",
    )  # fmt: skip
    assert (ending.is_drop, ending.planned, ending.no_drop) == (True, False, None)
    assert ending.alive_at_ns <= LOST_S * NS_PER_S <= ending.dead_by_ns == HOUR * NS_PER_S
    assert ending.silence_ns == HOUR * NS_PER_S  # before the goodbye: that is what killed it
    assert len(made.notebook.values(Quantity.AGE_AT_DROP)) == 1


@pytest.mark.parametrize("tried", ["retransmits", "probes"])
@pytest.mark.parametrize("scheme", SERVERS)
def test_a_black_hole_is_found_dead_by_what_is_never_acknowledged(scheme, tried):
    """Probes: of a host that has no device or route left, and sends nothing."""

    event, _ = ended(scheme, lose=lambda path: stop(path, tried, 4))
    assert (event.ending.kind, event.ending.proved) == (Kind.FOUND_DEAD, Proof.DEAD)
    assert event.ending.alive_at_ns <= LOST_S * NS_PER_S < event.ending.dead_by_ns


class Host:
    """A path witness of a host whose tunnel, which holds all addresses, goes at a moment."""

    def __init__(self, gone_s):
        self.gone = PathChanged(
            t_ns=gone_s * NS_PER_S, utc="", change=PathChange.LINK_REMOVED, interface="tun0"
        )
        self.routes = self

    def changes_near(self, alive_at_ns, dead_by_ns):
        return [self.gone] if alive_at_ns <= self.gone.t_ns <= dead_by_ns else []

    def changes(self, *_):
        return []

    def interface_with(self, _):
        return "tun0"

    def watch(self, *_):
        return None

    def look(self):
        pass


@pytest.mark.parametrize(("tried", "dead_by_s"), [("probes", LOST_S), ("retransmits", HOUR)])
def test_who_could_not_even_send_died_when_its_interface_went(tried, dead_by_s):
    async def during(made):
        made.around.path = Host(LOST_S)
        made.around.local_routes = LocalRoutes(made.around.path)
        await trio.sleep_until(LOST_S)
        stop(made.paths[0], tried, 4)

    made = life(websocket_server(server_context()), HOUR, during=during, activity=silent())
    ending = made.notebook.only_ended().ending
    assert (ending.kind, ending.initiator) == (Kind.FOUND_DEAD, Initiator.HOST)
    assert ending.evidence.why[0] == "own-route-changed"
    assert ending.dead_by_ns == pytest.approx(dead_by_s * NS_PER_S, abs=NS_PER_S)
    assert ending.detected_at_ns >= HOUR * NS_PER_S


@pytest.mark.parametrize("tried", ["retransmits", "probes"])
def test_too_few_retransmissions_prove_nothing(tried):
    event, _ = ended(lose=lambda path: stop(path, tried, 2))
    assert (event.ending.kind, event.ending.proved) == (Kind.PLANNED, Proof.UNPROVED)


def test_keepalives_that_were_lost_before_are_no_tries_to_say_goodbye():
    """They are counted as probes until the next acknowledgement, which is on its way here."""

    def lose(path):
        path.kernel.probes = 9
        path.go_dark()

    event, _ = ended(lose=lose)
    assert (event.ending.kind, event.ending.proved) == (Kind.PLANNED, Proof.UNPROVED)


def test_a_kernel_that_tells_nothing_leaves_it_unproved():
    def lose(path):
        path.kernel.tells = False
        path.go_dark()

    event, _ = ended(lose=lose)
    assert (event.ending.kind, event.ending.proved) == (Kind.PLANNED, Proof.UNPROVED)


def test_an_acknowledgement_is_a_proof_where_nobody_answers():
    async def mute(far):
        peer = TlsPeer(far, server_context())
        await peer.handshake()
        await trio.sleep_forever()

    event, made = ended("tls", mute)
    assert (event.ending.kind, event.ending.proved) == (Kind.PLANNED, Proof.ALIVE)
    assert made.finished == 1


def test_who_acknowledges_and_then_resets_lived():
    async def abort(far):
        peer = TlsPeer(far, server_context())
        await peer.handshake()
        await far.receive_some()
        far.path.reset()

    event, _ = ended("tls", abort)
    assert (event.ending.kind, event.ending.proved) == (Kind.PLANNED, Proof.ALIVE)


def test_a_ping_on_its_way_does_not_shorten_the_silence_that_it_was_sent_into():
    async def during(made):
        await trio.sleep_until(12)
        made.paths[0].kernel.retransmits = 4
        made.paths[0].go_dark()

    # The ping at 20 s is never answered; at 21 s the run ends.
    made = life(
        websocket_server(server_context()), 21, during=during, activity=heartbeat("10s", "8s")
    )
    ending = made.notebook.only_ended().ending
    assert ending.kind is Kind.FOUND_DEAD
    assert ending.silence_ns == 10 * NS_PER_S
