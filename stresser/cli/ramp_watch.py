"""What is missing once every session of a run has been tried: said while the run goes on.

Without it a typing mistake in a host name shows in the morning, after eight hours of failures.
"""

import trio

from stresser.analysis.counts.run_tally import Tally
from stresser.analysis.summary.shortfall import shortfalls
from stresser.scenario.plan import Scenario

_LOOK_EVERY_S = 0.5


async def shortfalls_after_ramp(scenario: Scenario, tally: Tally) -> list[str]:
    """Wait until each place has opened or failed, or had time to; then what is missing, in words.

    `tally` counts the run's events meanwhile. Empty: every session opened.
    """
    await trio.sleep(scenario.sessions.ramp.seconds)
    with trio.move_on_after(_patience_s(scenario)):
        while not _is_decided(tally):  # noqa: ASYNC110 - a tally tells nobody that it counts
            await trio.sleep(_LOOK_EVERY_S)
    return shortfalls(tally.cohorts)


def _is_decided(tally: Tally) -> bool:
    """Whatever has not opened has failed."""
    return all(figures.failed >= figures.never_opened for figures in tally.cohorts.values())


def _patience_s(scenario: Scenario) -> float:
    """The queue for a first attempt beyond the ramp, and the longest that an attempt can take."""
    sessions, limits = scenario.sessions, scenario.timeouts
    each = sessions.count * len(scenario.egresses) * len(scenario.activities)
    queue_s = max(
        each / sessions.attempts_per_second_per_endpoint,
        each * len(scenario.endpoints) / sessions.attempts_per_second,
    )
    steps = (limits.resolve, limits.connect, limits.proxy, limits.tls, limits.upgrade)
    return max(queue_s - sessions.ramp.seconds, 0) + sum(step.seconds for step in steps)
