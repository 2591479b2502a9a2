"""One seat of a cohort over hours: attempts, openings, endings, back-off, stop."""

import errno
import os
import weakref

import pytest
import trio
import trio.testing

from stresser.model.ending import Initiator, Kind, Phase, Proof
from stresser.model.events import SessionOpened
from stresser.model.quantity import Quantity
from stresser.model.units import NS_PER_S
from stresser.scenario.plan import Reconnect
from stresser.session.proof_ages import ProofAges
from stresser.session.retry_after import back_off_s
from tests.fakes.certificates import server_context
from tests.fakes.notebook import Notebook
from tests.fakes.peers import WebSocketPeer, tls_server, websocket_server
from tests.fakes.resolver import Resolver
from tests.fakes.world import heartbeat, in_virtual_time, seconds, silent, world

HOUR = 3600


def steady(initial="1s", highest="60s"):
    return Reconnect(
        initial=seconds(float(initial[:-1])), max=seconds(float(highest[:-1])), jitter=0
    )


def os_error(number):
    return OSError(number, os.strerror(number))


async def never(*_):
    await trio.sleep_forever()


async def refused(*_):
    await trio.lowlevel.checkpoint()
    raise os_error(errno.ECONNREFUSED)


# Back-off


def test_the_wait_doubles_up_to_its_highest():
    waits = [back_off_s(steady(), failures) for failures in range(1, 10)]
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_after_an_opening_the_first_wait_applies():
    assert back_off_s(steady("3s"), 0) == 3


def test_a_night_of_failures_does_not_overflow():
    assert back_off_s(steady(), 10**9) == 60


@pytest.mark.parametrize("failures", [0, 1, 4, 100])
def test_jitter_stays_within_its_bounds_and_uses_them(failures):
    jittered = Reconnect(initial=seconds(2), max=seconds(40), jitter=0.5)
    middle = min(2 * 2 ** max(0, failures - 1), 40)
    waits = [back_off_s(jittered, failures) for _ in range(2000)]
    assert middle * 0.5 <= min(waits) < middle * 0.55
    assert middle * 1.45 < max(waits) <= middle * 1.5


def test_failing_attempts_come_at_growing_distances():
    async def story():
        async with world(never) as made:
            made.start(made.route(connect=refused), reconnect=steady())
            await trio.sleep(130)
            return made

    failed = in_virtual_time(story).notebook.failed
    assert [event.t_ns // NS_PER_S for event in failed] == [0, 1, 3, 7, 15, 31, 63, 123]
    assert {(Kind.REFUSED, "connection_refused", Phase.CONNECT)} == {
        (event.ending.kind, event.ending.failure, event.ending.phase) for event in failed
    }
    assert [event.attempt for event in failed] == [1, 2, 3, 4, 5, 6, 7, 8]


def test_an_opening_resets_the_back_off_and_recovery_is_measured():
    """Three refusals, then sessions of ten minutes that are reset; two refusals in between."""
    fates = [refused] * 3 + [None] + [refused] * 2 + [None]

    async def program(far):
        peer = await WebSocketPeer.accept(far, server_context())
        with trio.move_on_after(600):
            await peer.answer_pings()
        far.path.reset()

    async def story():
        async with world(program) as made:

            async def connect(*args):
                fate = fates.pop(0) if fates else None
                return await (fate or made.connect)(*args)

            made.start(made.route(connect=connect), reconnect=steady())
            await trio.sleep(1300)
            made.stop()
            await trio.sleep(6)
            return made

    notebook = in_virtual_time(story).notebook
    assert [event.t_ns // NS_PER_S for event in notebook.failed] == [0, 1, 3, 608, 609]
    assert [event.t_ns // NS_PER_S for event in notebook.opened] == [7, 611, 1212]
    assert [event.t_ns // NS_PER_S for event in notebook.ended] == [607, 1211, 1300]
    assert [event.replaces for event in notebook.opened] == [None, 1, 2]
    recoveries = [None, 4 * NS_PER_S, 1 * NS_PER_S]
    assert recoveries == [event.recovery_ns for event in notebook.opened]
    assert recoveries[1:] == notebook.values(Quantity.RECOVERY)
    assert [event.attempt for event in notebook.opened] == [4, 7, 8]


def test_without_reconnect_a_life_ends_with_its_session():
    async def program(far):
        peer = await WebSocketPeer.accept(far, server_context())
        far.path.reset()
        await peer.swallow()

    async def story():
        async with world(program) as made:
            made.start(made.route())
            made.start(made.route(connect=refused))
            await trio.sleep(HOUR)
            return made

    made = in_virtual_time(story)
    assert made.finished == 2
    assert tuple(
        len(of) for of in (made.notebook.opened, made.notebook.ended, made.notebook.failed)
    ) == (1, 1, 1)


def test_the_next_address_after_a_failure():
    """Of three addresses the first two refuse; after a session the first is tried again."""
    good = "192.0.2.3"

    async def program(far):
        peer = await WebSocketPeer.accept(far, server_context())
        with trio.move_on_after(50):
            await peer.answer_pings()
        far.path.reset()

    async def story():
        trio.socket.set_custom_hostname_resolver(Resolver("192.0.2.1", "192.0.2.2", good))
        async with world(program) as made:

            async def connect(address, *rest):
                if address.sockaddr[0] != good:
                    made.dialled.append(address)
                    await refused()
                return await made.connect(address, *rest)

            made.start(made.route(connect=connect, host="broker.test"), reconnect=steady())
            await trio.sleep(60)
            return made

    made = in_virtual_time(story)
    tried = [str(address) for address in made.dialled]
    first = ["192.0.2.1:443", "192.0.2.2:443", f"{good}:443"]
    assert first * 2 == tried
    assert {f"{good}:443"} == {event.remote for event in made.notebook.opened}
    assert [event.remote for event in made.notebook.failed[:2]] == [
        "192.0.2.1:443",
        "192.0.2.2:443",
    ]


# The end of a run, and what is left behind


def test_a_stop_before_the_start_and_during_back_off_leaves_no_trace():
    async def story():
        async with world(never) as made:
            made.start(made.route(), at_s=100)
            made.start(made.route(connect=refused), reconnect=steady("50s"))
            await trio.sleep(10)
            made.stop()
            await trio.sleep(1)
            return made

    made = in_virtual_time(story)
    assert made.finished == 2
    assert made.notebook.only_failed().ending.kind is Kind.REFUSED


def test_a_session_that_opens_in_the_very_moment_of_the_stop_has_an_age_of_nothing():
    """The last bytes of the upgrade are already read when the run is stopped."""

    async def story():
        async with world(websocket_server(server_context())) as made:

            class StopAtOpening(Notebook):
                def event(self, event):
                    made.notebook.event(event)
                    if isinstance(event, SessionOpened):
                        made.stop()
                        made.around.stop_at_s = trio.current_time() - 0.25  # a moment before

            made.around.observer = StopAtOpening()
            await trio.sleep(5)
            made.start(made.route())
            await trio.sleep(10)
            return made

    made = in_virtual_time(story)
    ended = made.notebook.only_ended()
    assert (ended.ending.planned, ended.ending.age_ns) == (True, 0)
    assert ended.t_ns >= made.notebook.opened[0].t_ns


def test_what_has_ended_is_let_go_while_the_seat_waits():
    """Two TLS states a seat would double the memory of a mass reconnect."""
    ended = []

    async def program(far):
        peer = await WebSocketPeer.accept(far, server_context())
        with trio.move_on_after(20):
            await peer.answer_pings()
        far.path.reset()

    async def story():
        async with world(program) as made:

            async def connect(*args):
                if made.paths:
                    await trio.sleep(100)  # the next attempt hangs
                tap = await made.connect(*args)
                ended.append(weakref.ref(tap))
                return tap

            activity = heartbeat("1h", "10s")
            made.start(made.route(connect=connect, activity=activity), reconnect=steady("30s"))
            await trio.sleep(40)
            backing_off = ended[0]()
            await trio.sleep(20)
            return backing_off, ended[0]()

    assert in_virtual_time(story) == (None, None)


def test_a_limit_of_this_machine_is_the_tools():
    async def exhausted(*_):
        await trio.lowlevel.checkpoint()
        raise os_error(errno.EMFILE)

    async def story():
        async with world(never) as made:
            made.start(made.route(connect=exhausted))
            await trio.sleep(1)
            return made

    made = in_virtual_time(story)
    event = made.notebook.only_failed()
    assert (event.ending.kind, event.ending.initiator) == (Kind.TOOL, Initiator.TOOL)
    assert made.around.bugs.count == 0


def test_the_chain_is_told_once_however_many_sessions_meet_it():
    async def story():
        async with world(tls_server(server_context())) as made:
            for _ in range(20):
                made.start(made.route(scheme="tls", activity=silent()))
            await trio.sleep(1)
            return made

    notebook = in_virtual_time(story).notebook
    assert len(notebook.opened) == 20
    assert len(notebook.events) == 21 + 20  # the world's end ends the sessions as planned
    assert notebook.opened[0].tls.verified


# Proofs of silent sessions


def proved(until_s, *, lose=None, reconnect=None, program=None):
    """A place that proves at 300 s, 600 s, 1,200 s, ...; `lose` strikes each path when it opens."""

    async def story():
        async with world(program or websocket_server(server_context())) as made:

            async def connect(*args):
                tap = await made.connect(*args)
                if lose is not None:
                    made._nursery.start_soon(lose, made.paths[-1])
                return tap

            route = made.route(activity=silent(), connect=connect)
            made.start(route, reconnect=reconnect, proofs=ProofAges(300 * NS_PER_S, 0, 1))
            await trio.sleep_until(until_s)
            made.stop()
            await trio.sleep(1)
            return made

    made = in_virtual_time(story)
    assert made.around.bugs.count == 0
    return made


def test_a_proved_session_is_replaced_at_once_and_each_lives_longer():
    made = proved(300 + 600 + 100)
    ended, opened = made.notebook.ended, made.notebook.opened
    assert [event.ending.age_ns // NS_PER_S for event in ended] == [300, 600, 100]
    assert [event.replaced for event in ended] == [True, True, False]
    assert {(e.ending.kind, e.ending.proved, e.ending.is_drop) for e in ended} == {
        (Kind.PLANNED, Proof.ALIVE, False)
    }
    assert [event.t_ns // NS_PER_S for event in opened] == [0, 300, 900]
    assert [event.replaces for event in opened] == [None, 1, 2]
    assert not made.notebook.values(Quantity.RECOVERY)
    assert not made.notebook.failed


async def forgotten_after_400_s(path):
    await trio.sleep(400)
    path.forgotten = True


def test_what_a_box_forgot_is_found_dead_in_the_night_and_a_young_session_follows():
    made = proved(2000, lose=forgotten_after_400_s, reconnect=steady())
    ended = made.notebook.ended
    kinds = [(event.ending.kind, event.ending.age_ns // NS_PER_S) for event in ended]
    assert kinds[:4] == [
        (Kind.PLANNED, 300), (Kind.FOUND_DEAD, 600), (Kind.PLANNED, 300), (Kind.FOUND_DEAD, 600),
    ]  # fmt: skip
    assert [event.replaced for event in ended[:4]] == [True, False, True, False]
    assert made.notebook.opened[2].recovery_ns == NS_PER_S
    assert ended[1].ending.alive_at_ns < ended[1].ending.dead_by_ns


def test_a_place_that_is_found_dead_is_not_filled_again_without_reconnect():
    made = proved(2000, lose=forgotten_after_400_s)
    assert [event.ending.kind for event in made.notebook.ended] == [Kind.PLANNED, Kind.FOUND_DEAD]
    assert made.finished == 1


def test_a_stop_during_a_proof_begins_nothing():
    async def mute(far):
        peer = await WebSocketPeer.accept(far, server_context())
        del peer
        await trio.sleep_forever()

    made = proved(301, program=mute)
    assert len(made.notebook.ended) == len(made.notebook.opened) == 1
    assert not made.notebook.failed
