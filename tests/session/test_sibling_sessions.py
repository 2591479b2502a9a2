import trio

from stresser.model.evidence import SiblingAlive
from stresser.session.sibling_sessions import Neighbours, Server
from tests.fakes.world import in_virtual_time

OLDER_THAN, ALIVE_AFTER = 50, 100


async def ask(server, found):
    found.append(await server.anybody(OLDER_THAN, ALIVE_AFTER, within_s=3.0))


def answers(*told):
    """What a question finds when sessions tell (session, opened, ping sent), one a second."""

    async def story():
        server = Server()
        found: list[SiblingAlive | None] = []
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask, server, found)
            for session, opened_ns, ping_sent_ns in told:
                await trio.sleep(0.9)
                if server.is_asked:
                    server.answered(session, "direct", opened_ns, ping_sent_ns)
        assert not server.is_asked
        return found[0]

    return in_virtual_time(story)


def test_an_older_session_that_answers_a_later_ping_proves_it():
    alive = answers((7, 50, 100))
    assert (alive.session, alive.egress, alive.answered_ns) == (7, "direct", 100)


def test_a_younger_session_proves_nothing():
    assert answers((7, 51, 100)) is None  # opened after a restart, perhaps


def test_a_ping_sent_before_the_end_proves_nothing():
    assert answers((7, 50, 99)) is None


def test_the_first_that_fits_is_taken_and_nobody_is_waited_for_longer_than_asked():
    assert answers((7, 51, 100), (8, 50, 120)).session == 8
    assert answers((1, 60, 100), (2, 60, 100), (3, 60, 100), (4, 50, 100)) is None


def test_servers_are_told_apart_by_address():
    neighbours = Neighbours()
    assert neighbours.of("192.0.2.1") is neighbours.of("192.0.2.1")
    assert neighbours.of("192.0.2.1") is not neighbours.of("192.0.2.2")
