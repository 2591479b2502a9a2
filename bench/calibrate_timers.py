"""How often the analysis finds a timer that is not there, and how often one that is.

    python -m bench.calibrate_timers [--runs 1000]

A simulation with a known truth (`simulated_lives.py`), through the code that `stresser show` uses:

- lifetimes are exponential, pings a little late, and every timer found is false: at most 1 % of the
  runs may show one, and none at the interval of a heartbeat; at most 1 % an incident or a period;
- a timer is planted, one drop in five comes at random: it must lie in the bracket found;
- a limit of silence, age or bytes is planted in a box that looks at it each 1 or 30 s, at all
  sessions together or at each by itself: with some 30 drops 95 % must be found as what they are;
- an outage strikes all sessions of one egress: it must be one incident with all of its drops.

Exit code: 0, all goals are met; 1, one is missed.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from random import Random

from bench.simulated_lives import Night, events_of, plan_of
from stresser.analysis.patterns.causes import Causes, Common, find_causes
from stresser.analysis.patterns.found_timer import FoundTimer
from stresser.analysis.patterns.incidents import stands_out
from stresser.analysis.patterns.pattern_figures import find_periods
from stresser.analysis.patterns.scopes import Variable
from stresser.analysis.patterns.session_lives import Lives
from stresser.model.units import NS_PER_S
from stresser.statistics.concentration import tolerance

TIMERS_S = (30, 60, 240, 300, 350, 3600)
SHOWS = ("announced", "answer", "silent")
MOST_FALSE = 0.01
LEAST_FOUND = 0.98
LEAST_TICKS_FOUND = 0.95
TICKS_S = (1, 30)
_LATE_S = (0.0, 0.0005, 0.005, 0.1)
_BYTE_LIMIT = 300_000
_HALF = 0.5
_PATIENCE_S = 20
_NOISE_SHARE = 0.2
_HEARTBEATS: list[list[float | None]] = [
    [15.0],
    [5.0, 60.0],
    [None, 15.0],
    [20.0, 45.0, 100.0, None],
]


def causes_of(night: Night, seed: int) -> tuple[Lives, Causes]:
    """What the analysis makes of a simulated night."""
    plan = plan_of(night)
    lives = Lives(plan)
    for event in events_of(night, seed):
        lives.event(event)
    lives.close(round(night.length * NS_PER_S))
    return lives, find_causes(lives, plan)


def random_night(random: Random) -> Night:
    """Exponential lifetimes of any mean, shown in any way, pinged at any interval."""
    length = random.choice([1200.0, 3600.0, 4 * 3600.0])
    lifetimes = 10 ** random.uniform(1.3, 4)
    shows = random.choice(SHOWS)
    heartbeats = random.choice(_HEARTBEATS)
    endpoints = random.choice([["broker"], ["broker", "agent"]])
    cohorts = len(heartbeats) * len(endpoints)
    sessions = max(2, min(40, round(2000 * lifetimes / length / cohorts)))
    return Night(
        length=length,
        sessions=sessions,
        ramp=random.choice([0.0, 5.0, 60.0]),
        heartbeats=heartbeats,
        endpoints=endpoints,
        egresses=random.choice([["vpn"], ["vpn", "direct"]]),
        noise_per_hour=3600 / lifetimes,
        noise_shows=shows,
        rtt=random.choice([0.001, 0.03, 0.2]),
        late=random.choice(_LATE_S),
    )


def planted_nights(timer_s: float) -> Iterator[tuple[str, Variable, Night]]:
    """A timer with one drop in five at random, in all the ways in which it can show."""
    noise = _NOISE_SHARE / (1 - _NOISE_SHARE) * 3600 / timer_s
    length = max(1800.0, 10 * timer_s)
    for shows in SHOWS:
        for beats in ([7.0], [15.0], [7.0, 40.0]):
            if min(beats) * 2 > timer_s or (shows != "announced" and max(beats) > timer_s):
                continue
            night = Night(
                length=length, age_timer=timer_s, noise_per_hour=noise, heartbeats=[*beats],
                shows=shows, noise_shows="announced" if shows == "announced" else "answer",
            )  # fmt: skip
            yield f"age, pinged every {beats} s, {shows}", Variable.AGE, night
    for shows in SHOWS:
        pinged: list[float | None] = [timer_s * share for share in (0.4, 0.9, 1.2, 2)]
        if shows == "announced":
            pinged = [None, 15.0]
        night = Night(
            length=length, idle_timer=timer_s, noise_per_hour=noise, heartbeats=pinged,
            shows=shows, noise_shows="announced" if shows == "announced" else "answer",
        )  # fmt: skip
        yield f"silence, {shows}", Variable.IDLE, night


def found_planted(night: Night, variable: Variable, timer_s: float, seed: int) -> bool:
    """Whether the bracket that explains most drops holds the planted timer, and names it so."""
    _, causes = causes_of(night, seed)
    for timer in causes.timers[:1]:
        bracket = timer.brackets.get(variable)
        if bracket is not None and bracket.low <= timer_s * NS_PER_S <= bracket.high:
            return True
    return False


def ticking_night(variable: Variable, tick: float, random: Random) -> Night:
    """A coarse box, some 30 drops, and sessions beside them that what it counts cannot end."""
    timer_s = random.uniform(8, 60) if tick == TICKS_S[0] else random.uniform(25, 300)
    night = Night(
        length=3.2 * (timer_s + tick) + 50,
        sessions=10,
        ramp=random.uniform(0.3, 1) * timer_s,
        heartbeats=[None, timer_s / 5],
        tick=tick,
        tick_of_session=random.random() < _HALF,
        shows="announced",
    )
    # Silent deaths are dated to a beat and its timeout: in a ramp no longer than that they may as
    # well be one moment, and nothing decides.
    shows = SHOWS if night.ramp > _PATIENCE_S + timer_s / 7 else SHOWS[:2]
    if variable is Variable.IDLE:
        night.idle_timer = timer_s
    elif variable is Variable.AGE:
        night.age_timer = timer_s
        night.heartbeats = [timer_s / 7]
        night.shows = random.choice(shows)
    else:
        night.byte_limit = _BYTE_LIMIT
        night.heartbeats = [timer_s / 30, timer_s / 20, timer_s / 15]
        night.messages = [4900, 4900, 0]
        night.sessions = 6
        night.shows = random.choice(shows)
    return night


def found_ticking(variable: Variable, tick: float, seed: int) -> tuple[bool, bool, int]:
    """Whether the timer that explains most drops is named right, and lies right; the drops."""
    night = ticking_night(variable, tick, Random(seed))  # noqa: S311 - a simulation
    lives, causes = causes_of(night, seed)
    known = {Variable.IDLE: night.idle_timer, Variable.AGE: night.age_timer}
    limit = known.get(variable)
    value = _BYTE_LIMIT if limit is None else round(limit * NS_PER_S)
    if not causes.timers or causes.timers[0].variable is not variable:
        return False, False, len(lives.drops)
    bracket = causes.timers[0].bracket
    return True, bracket.low <= value <= bracket.high, len(lives.drops)


def is_at_a_heartbeat(timer: FoundTimer, night: Night) -> bool:
    """Whether it is a silence as long as a heartbeat's interval: our own doing."""
    high = timer.bracket.high
    return timer.variable is Variable.IDLE and any(
        abs(high - every * NS_PER_S) <= tolerance(high) for every in night.heartbeats if every
    )


def outage_is_one_incident(seed: int) -> bool:
    """Forty of forty sessions through one egress at once; noise on both; heartbeats of 15 s."""
    shows = SHOWS[seed % len(SHOWS)]
    night = Night(
        length=4 * 3600, egresses=["vpn", "direct"], noise_per_hour=0.2, outages=[7200.0],
        ramp=(0, 2, 60)[seed // 3 % 3], shows=shows, noise_shows="announced",
    )  # fmt: skip
    lives, causes = causes_of(night, seed)
    hit = {d.session for d in lives.drops if d.moment.low <= 7200 * NS_PER_S <= d.moment.high}
    largest = max(causes.incidents, key=lambda incident: len(incident.drops))
    return largest.common is Common.MOMENT and hit <= {drop.session for drop in largest.drops}


def main() -> int:
    """Print all figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=1000, help="simulated runs (default: 1000)")
    runs = parser.parse_args().runs
    is_met = _false_alarms(runs)
    is_met &= _planted(max(runs // 100, 1))
    is_met &= _ticking(max(runs // 10, 1))
    hits = sum(outage_is_one_incident(seed) for seed in range(max(runs // 20, 1)))
    total = max(runs // 20, 1)
    print(f"outages that are one incident with all of their drops: {hits} of {total}")
    return 0 if is_met and hits >= LEAST_FOUND * total else 1


def _false_alarms(runs: int) -> bool:
    counts: Counter[str] = Counter()
    for seed in range(runs):
        night = random_night(Random(seed))  # noqa: S311 - a simulation
        lives, causes = causes_of(night, seed)
        counts["timer"] += bool(causes.timers)
        counts["heartbeat"] += any(is_at_a_heartbeat(timer, night) for timer in causes.timers)
        counts["drop"] += len(lives.drops)
        shared = [incident for incident in causes.incidents if len(incident.drops) > 1]
        counts["joined"] += sum(len(incident.drops) for incident in shared)
        counts["incident"] += any(map(stands_out, shared))
        counts["period"] += bool(find_periods(causes, lives))
    drops, joined = counts["drop"], counts["joined"]
    print(f"exponential lifetimes, {runs} runs, {drops} drops:")
    print(f"  runs with a timer: {counts['timer']} (goal: at most {MOST_FALSE:.0%})")
    print(f"  of those at a heartbeat's interval: {counts['heartbeat']} (goal: none)")
    print(f"  drops that share a moment by chance: {joined} ({joined / max(drops, 1):.2%})")
    print(f"  runs with an incident shown: {counts['incident']} (goal: at most {MOST_FALSE:.0%})")
    print(f"  runs with a period: {counts['period']} (goal: at most {MOST_FALSE:.0%})")
    worst = max(counts["timer"], counts["incident"], counts["period"])
    return worst <= MOST_FALSE * runs and not counts["heartbeat"]


def _ticking(times: int) -> bool:
    is_met = True
    print(f"coarse limits, some 30 drops, {times} runs each:")
    for tick in TICKS_S:
        for variable in Variable:
            met = [found_ticking(variable, tick, seed) for seed in range(times)]
            found, inside, drops = (sum(one) for one in zip(*met, strict=True))
            is_met &= found >= LEAST_TICKS_FOUND * times
            print(
                f"  {variable.value}, looked at each {tick} s: {found} of {times} named right,"
                f" {inside} inside the bracket ({drops / times:.0f} drops)"
            )
    return is_met


def _planted(times: int) -> bool:
    is_met = True
    print(f"planted timers, one drop in five at random, {times} runs each:")
    for timer_s in TIMERS_S:
        for name, variable, night in planted_nights(timer_s):
            found = sum(found_planted(night, variable, timer_s, seed) for seed in range(times))
            is_met &= found >= LEAST_FOUND * times
            print(f"  {timer_s:>5} s of {name}: {found} of {times}")
    return is_met


if __name__ == "__main__":
    sys.exit(main())
