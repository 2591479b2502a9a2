"""What each worker of a run has of it: places, numbers, rates. Pure.

Worker i of n has every n-th place of the run, beginning with its i-th, so that each has a part of
every cohort; its sessions and attempts have every n-th number, so that no two have the same.
"""

from itertools import count
from typing import Final, NamedTuple

from msgspec.structs import replace

from stresser.scenario.plan import ActivityKind, Scenario

_SESSIONS_A_WORKER: Final = 1000
"""Of `auto`: below so many a process of its own costs more than it spares."""


class WorkerShare(NamedTuple):
    """The part of one worker."""

    worker: int
    """From 1."""
    workers: int

    def places(self, route: int, places: int) -> range:
        """Its places among the `places` of the route with this index, all from 0."""
        first = (self.worker - 1 - route * places) % self.workers
        return range(first, places, self.workers)

    def start_offsets_s(self, places: int, of_all: int, ramp_s: float) -> list[float]:
        """When each of its `places` starts, in seconds: those `of_all` are even over the ramp."""
        numbers = (index * self.workers + self.worker - 1 for index in range(places))
        return [ramp_s * number / of_all for number in numbers]

    def numbers(self, first: int) -> "count[int]":
        """Its numbers, where the run's begin with `first`."""
        return count(first + self.worker - 1, self.workers)

    def owns(self, number: int, first: int) -> bool:
        """Whether `number` is one of those."""
        return number >= first and (number - first - self.worker + 1) % self.workers == 0

    def ports(self, low: int, high: int) -> tuple[int, int]:
        """The first and the last of its part of a range of ports."""
        each = (high - low + 1) // self.workers
        first = low + each * (self.worker - 1)
        return first, first + each - 1

    def part_of(self, number: int) -> int:
        """Its part of what is asked for as a whole: all parts add up to that."""
        return (number + self.workers - self.worker) // self.workers

    def scenario(self, whole: Scenario) -> Scenario:
        """The scenario with its part of the rates: all together ask no faster than one process.

        Without a duration: the run's process says when it is over.
        """
        asked = whole.sessions
        sessions = replace(
            asked,
            attempts_per_second=asked.attempts_per_second / self.workers,
            attempts_per_second_per_endpoint=asked.attempts_per_second_per_endpoint / self.workers,
            handshakes_in_flight=max(1, self.part_of(asked.handshakes_in_flight)),
        )
        return replace(whole, sessions=sessions, duration=None)


WHOLE: Final = WorkerShare(1, 1)
"""Of a run that one process holds."""


def workers_of(scenario: Scenario, places: int, processors: int) -> int:
    """How many processes hold the run's `places`.

    Raises:
        ValueError: with one sentence, where the number asked for cannot be.
    """
    asked = scenario.sessions.workers
    searches = any(one.kind is ActivityKind.IDLE_SEARCH for one in scenario.activities)
    if asked == "auto":
        most = min(processors, places // _SESSIONS_A_WORKER, scenario.sessions.handshakes_in_flight)
        return 1 if searches else max(1, most)
    if searches and asked > 1:
        raise ValueError(
            f"sessions.workers: {ActivityKind.IDLE_SEARCH} is the work of one process; leave it out"
        )
    return min(asked, places)
