"""What a worker sends, and what it does where nobody takes it."""

import socket

import trio
import trio.testing

from stresser.model.cohort import Cohort
from stresser.model.quantity import Quantity
from stresser.run.worker_feed import WorkerFeed
from stresser.run.worker_link import WorkerLink
from stresser.run.worker_messages import (
    Durations,
    Goodbye,
    Note,
    Progress,
    Ready,
    for_worker,
    from_worker,
)

COHORT = Cohort("a", "vpn", "heartbeat")


def links():
    pair = [trio.SocketStream(trio.socket.from_stdlib_socket(one)) for one in socket.socketpair()]
    return WorkerLink(pair[0], for_worker), WorkerLink(pair[1], from_worker)


async def heard(link):
    messages = []
    while (message := await link.receive()) is not None:
        messages.append(message)
    return messages


def test_what_is_written_is_sent_with_its_place_and_the_durations_since():
    async def main():
        ours, theirs = links()
        feed = WorkerFeed()
        feed.sample(Quantity.RTT, COHORT, 5)
        feed.samples(Quantity.RTT, COHORT, [6, 7])
        feed.written(b"1\n2\n")
        feed.written(b"")  # nothing new: nothing is said
        feed.warn("full")
        feed.written(b"3\n")
        feed.complete(Goodbye(reason="duration"))
        await feed.run(ours)
        ours.close()
        assert await heard(theirs) == [
            Ready(),
            Progress(lines=b"1\n2\n", durations=[Durations(Quantity.RTT, COHORT, [5, 6, 7])]),
            Note(text="full"),
            Progress(lines=b"3\n", lines_before=2),
            Goodbye(reason="duration"),
        ]
        theirs.close()

    trio.run(main)


def test_durations_do_not_wait_for_a_disk_that_hangs():
    async def main():
        ours, theirs = links()
        feed = WorkerFeed()
        messages = []

        async def hear():
            messages.extend(await heard(theirs))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(hear)
            for _ in range(80):
                feed.samples(Quantity.RTT, COHORT, [1 << 40] * 10_000)
            feed.complete(Goodbye(reason="duration"))
            await feed.run(ours)
            ours.close()
        theirs.close()
        sizes = [len(one.durations[0].values_ns) for one in messages if isinstance(one, Progress)]
        assert max(sizes) < 200_000
        assert sum(sizes) == 800_000
        assert feed.dropped == 0

    trio.run(main)


def test_nobody_there_costs_nothing_but_words():
    async def main():
        ours, theirs = links()
        theirs.close()
        feed = WorkerFeed()
        for _ in range(1000):
            feed.written(b"line\n")
        assert feed.dropped > 0
        feed.complete(Goodbye(reason="duration"))
        with trio.fail_after(10):
            await feed.run(ours)
        ours.close()

    trio.run(main)


def test_places_count_what_was_dropped():
    async def main():
        ours, theirs = links()
        feed = WorkerFeed()
        for _ in range(1000):
            feed.written(b"line\n")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(feed.run, ours)
            await trio.testing.wait_all_tasks_blocked()
            feed.written(b"the last\n")
            feed.complete(Goodbye(reason="duration"))
        ours.close()
        messages = await heard(theirs)
        assert messages[-2] == Progress(lines=b"the last\n", lines_before=1000)
        theirs.close()

    trio.run(main)
