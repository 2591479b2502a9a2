import trio

from stresser.model.cohort import Cohort
from stresser.model.ending import Initiator, Kind
from stresser.model.events import AddressesSeen, HostSlept, SessionEnded
from stresser.model.unfit import Unfit, UnfitCause
from stresser.model.units import NS_PER_S
from stresser.session.run_context import AddressBook
from stresser.witness.fitness import Fitness
from stresser.witness.path import PathWitness
from stresser.witness.resolver import ResolverWatch
from tests.fakes.certificates import server_context
from tests.fakes.peers import websocket_server
from tests.fakes.resolver import Zone
from tests.fakes.world import COHORT, in_virtual_time, world

OTHER = Cohort("broker", "direct", "heartbeat")


def test_a_look_up_shows_when_an_address_is_new_to_the_egress():
    book = AddressBook()
    told = [
        book.has_new(cohort, addresses)
        for cohort in (COHORT, OTHER)
        for addresses in (["a", "b"], ["b"], ["b", "c"], [])
    ]
    assert told == [True, False, True, False] * 2


def test_a_name_with_new_addresses_for_ever_fills_no_memory():
    book = AddressBook()
    new = sum(book.has_new(COHORT, [str(n)]) for n in range(3000))
    assert new == len(book._seen[COHORT.pair]) == 256


def test_each_address_set_is_one_event():
    async def story():
        trio.socket.set_custom_hostname_resolver(Zone(broker_test="192.0.2.2 192.0.2.1"))
        async with world(websocket_server(server_context())) as made:
            for at_s in (0, 1, 2):
                made.start(made.route(host="broker.test"), at_s=at_s)
            made.start(made.route(), at_s=3)  # an address: nothing was looked up
            await trio.sleep(10)
            return made

    made = in_virtual_time(story)
    seen = [event for event in made.notebook.events if isinstance(event, AddressesSeen)]
    assert [(event.name, event.addresses) for event in seen] == [
        ("broker.test", ["192.0.2.1", "192.0.2.2"])
    ]
    assert [event.resolved_by for event in made.notebook.opened] == ["host"] * 3 + [None]


def test_sessions_that_die_at_the_waking_are_told_after_the_sleep(monkeypatch):
    """They are the first to ask: the sleep must not be lost in their answer."""
    suspended = [0]
    monkeypatch.setattr("stresser.witness.clock.suspended_ns", lambda: suspended[0])

    async def story():
        async with world(websocket_server(server_context())) as made:
            for _ in range(3):
                made.start(made.route())
            await trio.sleep(1000)
            suspended[0] = 8 * 3600 * NS_PER_S
            for path in made.paths:
                path.reset()
            await trio.sleep(100)
            made.start(made.route())
            await trio.sleep(100)
            made.paths[-1].reset()
            await trio.sleep(1)
            return made

    made = in_virtual_time(story)
    told = [e for e in made.notebook.events if isinstance(e, HostSlept | SessionEnded)]
    slept, *ended = told
    assert isinstance(slept, HostSlept)
    assert (slept.t_ns, slept.slept_ns) == (1000 * NS_PER_S, 8 * 3600 * NS_PER_S)
    kinds = [(e.ending.kind, e.ending.initiator) for e in ended if isinstance(e, SessionEnded)]
    assert kinds[:3] == [(Kind.HOST_SLEPT, Initiator.HOST)] * 3
    assert kinds[3] == (Kind.TCP_RESET, Initiator.UNKNOWN)  # opened after the waking
    assert made.clock.utc(slept.t_ns) == slept.utc == ended[0].utc


def test_who_asks_for_bad_windows_is_told_of_a_sleep_that_nobody_has_noticed(monkeypatch):
    suspended = [0]
    monkeypatch.setattr("stresser.witness.clock.suspended_ns", lambda: suspended[0])

    async def story():
        async with world(websocket_server(server_context())) as made:
            made.around.fitness = Fitness(made.clock, made.notebook.event)
            await trio.sleep(100)
            made.around.notice_sleep()
            await trio.sleep(1)
            suspended[0] = 3600 * NS_PER_S
            return made.around.unfit_between(0, 200 * NS_PER_S)

    (window,) = in_virtual_time(story)
    assert window == Unfit(
        who=Initiator.HOST,
        cause=UnfitCause.SUSPENDED,
        from_ns=100 * NS_PER_S,
        until_ns=101 * NS_PER_S,
        lasted_ns=3600 * NS_PER_S,
    )


def test_without_these_witnesses_nothing_is_claimed():
    async def story():
        async with world(websocket_server(server_context())) as made:
            return made.around.unfit_between(0, 1), made.around.path_changes_near(0, 1)

    assert in_virtual_time(story) == ([], [])


def test_path_changes_are_asked_for_by_a_bracket(tmp_path):
    file = tmp_path / "resolv.conf"
    file.write_text("nameserver 192.0.2.53")

    async def story():
        async with world(websocket_server(server_context())) as made:
            watch = ResolverWatch((file,))
            made.around.path = PathWitness(made.clock, made.notebook.event, watch)
            await trio.sleep(100)
            file.write_text("nameserver 10.8.0.1")
            made.around.path.look()
            near = made.around.path_changes_near
            return [
                near(alive * NS_PER_S, dead * NS_PER_S)
                for alive, dead in ((90, 110), (101, 103), (103, 110), (80, 99))
            ]

    within, felt_late, long_after, before = in_virtual_time(story)
    assert len(within) == len(felt_late) == 1
    assert long_after == before == []
