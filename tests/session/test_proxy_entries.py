"""Which proxies of a list are tried in which order, and what is told of that."""

import trio

from stresser.model.cohort import Pair
from stresser.net.proxy import ProxyHop
from stresser.scenario.pac_answer import PacAnswer, entries_of
from stresser.session.proxy_entries import RETRY_AFTER_S, ProxyEntries
from stresser.witness.clock import RunClock
from tests.fakes.world import in_virtual_time

ANSWER = "PROXY a:1; PROXY b:1; DIRECT"


def made(answer=ANSWER, failure=None):
    hops = tuple(
        None if one is None else ProxyHop(proxy=one, user_agent="x") for one in entries_of(answer)
    )
    said = PacAnswer(source="pac:corp.pac", url="wss://e/", answer=answer, failure=failure)
    return ProxyEntries(Pair("e", "corp"), said, hops)


def test_what_failed_goes_last_for_five_minutes():
    async def story():
        entries = made()
        orders = [entries.order()]
        entries.failed(0)
        orders.append(entries.order())
        await trio.sleep(100)
        entries.failed(1)
        orders.append(entries.order())
        await trio.sleep(RETRY_AFTER_S - 99)
        orders.append(entries.order())
        await trio.sleep(100)
        return [*orders, entries.order()]

    whole = [0, 1, 2]
    assert in_virtual_time(story) == [whole, [1, 2, 0], [2, 0, 1], [0, 2, 1], whole]


def test_going_directly_is_never_put_off():
    async def story():
        entries = made("DIRECT; PROXY a:1")
        entries.failed(0)
        return entries.order()

    assert in_virtual_time(story) == [0, 1]


def test_what_is_told_is_told_once():
    async def story():
        entries, clock = made(), RunClock()
        first = entries.first(clock)
        assert (first.chosen, first.instead_of, first.attempt) == ("http://a:1", None, None)
        assert entries.taken(0, clock, 1) is None
        told = entries.taken(1, clock, 2, (0, "Connection refused"))
        assert told is not None
        assert (told.chosen, told.instead_of, told.failure) == (
            "http://b:1", "http://a:1", "Connection refused",
        )  # fmt: skip
        assert entries.taken(1, clock, 3, (0, "Connection refused")) is None
        back = entries.taken(0, clock, 4)
        assert back is not None
        assert (back.chosen, back.instead_of, back.attempt) == ("http://a:1", None, 4)

    in_virtual_time(story)


def test_a_pac_that_could_not_be_had_is_told():
    async def story():
        return made("", failure="cannot be read: HTTP 404").first(RunClock())

    told = in_virtual_time(story)
    assert (told.entries, told.chosen) == (["direct"], "direct")
    assert told.without_pac == "cannot be read: HTTP 404"
