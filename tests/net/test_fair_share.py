"""A session takes its share at will; what exceeds it is read in turn, in virtual time."""

import trio
from trio.testing import MockClock

from stresser.model.units import NS_PER_MS
from stresser.net.fair_share import FRAMES_A_PASS, FairShare, Turns
from stresser.witness.clock import RunClock


def in_virtual_time(story):
    return trio.run(story, clock=MockClock(autojump_threshold=0))


def passes_until_held_back(share, frames):
    passes = 1
    while share.take(frames):
        passes += 1
    return passes


def test_a_burst_is_free_and_a_flood_is_not():
    async def story():
        share = FairShare(Turns(), RunClock())
        await trio.sleep(1)
        assert passes_until_held_back(share, FRAMES_A_PASS) == 3 + 2
        await trio.sleep(0.1)
        assert share.take(0)

    in_virtual_time(story)


def test_reads_without_plaintext_count_by_their_bytes():
    async def story():
        share = FairShare(Turns(), RunClock())
        await trio.sleep(1)
        assert [share.take_barren(16_384) for _ in range(3)] == [True, True, False]
        await trio.sleep(0.1)
        assert all(share.take_barren(0) for _ in range(96))

    in_virtual_time(story)


def test_who_stays_within_the_share_never_waits():
    async def story():
        share = FairShare(Turns(), RunClock())
        for _ in range(1000):
            assert share.take(1)
            await trio.sleep(0.005)
        assert (share.held_back_ns, share.read_on_ns) == (0, 0)

    in_virtual_time(story)


def test_turns_go_round_and_all_floods_together_get_one_in_10_ms():
    async def story():
        turns, clock = Turns(), RunClock()
        shares = [FairShare(turns, clock) for _ in range(20)]
        order = []

        async def flood(number, share):
            while True:
                if not share.take(FRAMES_A_PASS):
                    await share.turn()
                    order.append(number)

        async with trio.open_nursery() as nursery:
            for number, share in enumerate(shares):
                nursery.start_soon(flood, number, share)
            await trio.sleep(1)
            nursery.cancel_scope.cancel()
        return order, shares

    order, shares = in_virtual_time(story)
    assert 95 <= len(order) <= 105
    rounds = [sorted(order[at : at + 20]) for at in range(0, 80, 20)]
    assert rounds == [list(range(20))] * 4
    assert all(share.held_back_ns > 700 * NS_PER_MS for share in shares)


def test_a_turn_that_nobody_else_wants_comes_soon():
    async def story():
        share = FairShare(Turns(), RunClock())
        waited = []
        for _ in range(10):
            passes_until_held_back(share, FRAMES_A_PASS)
            before = trio.current_time()
            await share.turn()
            waited.append(trio.current_time() - before)
        assert max(waited) <= 0.0101

    in_virtual_time(story)
