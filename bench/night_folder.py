"""Owns writing a made-up night as a genuine run folder, by record's own writer.

Round trips are not events: they are drawn for each cohort and interval and counted, as many as the
sessions that are open then would have sent heartbeats.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from msgspec.structs import replace
from numpy.random import Generator

from bench.night_plan import CANDIDATE, STARTED_UNIX_NS, Night, NightPlan, Truth, scenario_of
from stresser.model.cohort import Cohort
from stresser.model.events import AnyEvent, SessionEnded, SessionOpened
from stresser.model.quantity import Quantity
from stresser.model.units import NS_PER_S, format_utc
from stresser.record.events_file import encode_event
from stresser.record.folder import create_run_folder
from stresser.record.histogram_log import Key
from stresser.record.host_facts import this_process
from stresser.record.manifest import Manifest, Status, write_manifest
from stresser.record.writer import Batch, FolderWriter
from stresser.statistics.duration_counts import SparseCounts

_INTERVAL_S = 10
_LAG_SAMPLES = 100


def write_night(parent: Path, plan: NightPlan, seed: int = 1) -> tuple[Path, Truth]:
    """Make the run folder of a night in `parent`; what was planted comes back with its path.

    Raises:
        RunFolderError: it cannot be made.
    """
    night = Night(plan, seed)
    events = night.events()
    folder = create_run_folder(parent, "night", None, STARTED_UNIX_NS)
    write_manifest(folder.manifest, _manifest(plan))
    writer = FolderWriter(folder, STARTED_UNIX_NS)
    for batch in _batches(events, plan, night.random):
        writer.write(batch)
    writer.close()
    return folder.path, night.truth


def _manifest(plan: NightPlan) -> Manifest:
    return Manifest(
        stresser="0.0.0",
        scenario=scenario_of(plan),
        status=Status.COMPLETE,
        started_utc=format_utc(STARTED_UNIX_NS),
        anchor_unix_ns=STARTED_UNIX_NS,
        ended_utc=format_utc(STARTED_UNIX_NS + round(plan.seconds * NS_PER_S)),
        end_reason="duration",
        process=replace(this_process(), pid=2**22 + 1),  # no process has a number so large
    )


def _batches(events: Sequence[AnyEvent], plan: NightPlan, random: Generator) -> Iterator[Batch]:
    open_now = dict.fromkeys(plan.cohorts, 0)
    place = 0
    for number in range(1, round(plan.seconds / _INTERVAL_S) + 1):
        end_ns = number * _INTERVAL_S * NS_PER_S
        lines, counts = bytearray(), dict[Key, SparseCounts]()
        while place < len(events) and (events[place].t_ns <= end_ns or _is_last(number, plan)):
            event = events[place]
            place += 1
            lines += encode_event(event)
            _count(event, open_now, counts)
        for cohort, sessions in open_now.items():
            _beat(cohort, sessions, plan, random, counts)
        lag = random.exponential(200_000, _LAG_SAMPLES).astype(int).tolist()
        counts[Quantity.LOOP_LAG, None] = SparseCounts.of(lag)
        yield Batch(lines, counts, end_ns, ends_interval=True)


def _is_last(number: int, plan: NightPlan) -> bool:
    return number == round(plan.seconds / _INTERVAL_S)


def _count(event: AnyEvent, open_now: dict[Cohort, int], counts: dict[Key, SparseCounts]) -> None:
    if isinstance(event, SessionOpened):
        open_now[event.cohort] += 1
        for phase, took_ns in event.phases_ns.items():
            counts.setdefault((Quantity(phase), event.cohort), SparseCounts()).add(took_ns)
    elif isinstance(event, SessionEnded):
        open_now[event.cohort] -= 1
        if event.ending.is_drop:
            key = Quantity.AGE_AT_DROP, event.cohort
            counts.setdefault(key, SparseCounts()).add(event.ending.age_ns)


def _beat(
    cohort: Cohort,
    sessions: int,
    plan: NightPlan,
    random: Generator,
    counts: dict[Key, SparseCounts],
) -> None:
    pings = 0 if cohort.activity == "silent" else int(random.poisson(
        sessions * _INTERVAL_S / plan.heartbeat_s
    ))  # fmt: skip
    if not pings:
        return
    middle_ns = 36e6 if cohort.egress == CANDIDATE else 12e6
    rtt = (random.lognormal(np.log(middle_ns), 0.2, pings)).astype(int).tolist()
    lag = random.exponential(80_000, pings).astype(int).tolist()
    counts[Quantity.RTT, cohort] = SparseCounts.of(rtt)
    counts[Quantity.SEND_LAG, cohort] = SparseCounts.of(lag)
