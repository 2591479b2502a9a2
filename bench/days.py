"""Three days of 2,000 sessions, simulated: is the folder small, are memory and open files flat?

`python -m bench.days` drives the recorder itself by a clock of its own: each heartbeat is a sample,
each drop and each failed attempt an event; two hours long an egress is down, and 33 attempts a
second fail. Then `stresser show` reads the folder. Some minutes. Exit code 1: a limit is missed.
`--out DIR` keeps the folder.
"""

import argparse
import heapq
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from msgspec import Struct
from numpy.typing import NDArray

from bench.night import measure
from bench.night_plan import STARTED_UNIX_NS
from stresser.classify.standing import make_ending
from stresser.model.chain import TlsFacts
from stresser.model.cohort import Cohort
from stresser.model.ending import Ending, Grade, Initiator, Kind, Phase
from stresser.model.events import AttemptFailed, RunStarted, SessionEnded, SessionOpened
from stresser.model.evidence import Evidence
from stresser.model.quantity import Quantity
from stresser.model.units import NS_PER_S
from stresser.record.folder import RunFolder, create_run_folder
from stresser.record.host_facts import gather_manifest
from stresser.record.manifest import Status, finished, write_manifest
from stresser.record.recorder import Recorder
from stresser.record.segments import SEGMENT_BYTES
from stresser.witness.clock import RunClock

LIMIT_MB = 200.0
GROWTH_MB = 8.0
"""Between the sixth hour and the last: what an allocator may keep."""
_STEP_S = 10
_WRITING_S = 0.5
_FAILURES_A_SECOND = 33
_LAGS_A_STEP = 100
_SETTLED_HOURS = 6
_TLS = TlsFacts(
    version="TLSv1.3", cipher="TLS_AES_256_GCM_SHA384", alpn=None, chain="9f" * 8, verified=True
)


class DaysPlan(Struct, frozen=True, kw_only=True):
    """What happens in these days."""

    hours: float = 72.0
    seats: int = 500
    """For each endpoint and egress: two of each."""
    heartbeat_s: float = 15.0
    life_hours: float = 4.0
    """How long a session lives, on average; it is opened again."""
    outage_hours: tuple[float, float] = (30.0, 32.0)
    """One egress is down meanwhile."""
    segment_bytes: int = SEGMENT_BYTES

    @property
    def cohorts(self) -> list[Cohort]:
        """Two endpoints through two egresses."""
        return [Cohort(one, way, "heartbeat") for one in ("a", "b") for way in ("direct", "vpn")]


class DaysCost(Struct, frozen=True, kw_only=True):
    """What they took."""

    folder: Path
    disk_mb: float
    memory_mb: list[float]
    """Resident, at each full hour."""
    files: list[int]
    """Open, at each full hour."""
    samples: int
    sessions: int
    failures: int
    seconds: float

    @property
    def growth_mb(self) -> float:
        """Of memory, since it settled."""
        settled = self.memory_mb[_SETTLED_HOURS:] or self.memory_mb
        return max(settled) - settled[0]


class _SimulatedClock(RunClock):
    """The run's clock, as the simulation sets it."""

    def __init__(self) -> None:
        self.anchor_unix_ns = STARTED_UNIX_NS
        self.at_ns = 0

    def now_ns(self) -> int:
        return self.at_ns


class Days:
    """One simulation."""

    def __init__(self, parent: Path, plan: DaysPlan, seed: int = 1) -> None:
        """Make the run folder.

        Raises:
            RunFolderError: it cannot be made.
        """
        self._plan = plan
        self._random = np.random.default_rng(seed)
        self._clock = _SimulatedClock()
        self.folder = create_run_folder(parent, "days", None, STARTED_UNIX_NS)
        self._recorder = Recorder(
            self.folder, self._clock, 10 * NS_PER_S, segment_bytes=plan.segment_bytes
        )
        self._open = dict.fromkeys(plan.cohorts, 0)
        self._ends: list[tuple[float, int, Cohort, float]] = []
        """Of each open session: when it ends, its number, its cohort, when it opened."""
        self.samples = self.sessions = self.failures = self._attempts = 0

    def run(self) -> DaysCost:
        """Live through all of it."""
        began, memory, files = time.perf_counter(), [], []
        process = psutil.Process()
        manifest = gather_manifest(
            scenario={"name": "days", "duration": round(self._plan.hours * 3600 * NS_PER_S)},
            anchor_unix_ns=STARTED_UNIX_NS,
            command_line=[],
            capabilities={},
            socket_options={},
        )
        write_manifest(self.folder.manifest, manifest)
        cohorts = self._plan.cohorts
        asked = len(cohorts) * self._plan.seats
        self._recorder.event(
            RunStarted(**self._at(0), scenario="days", sessions_requested=asked, cohorts=cohorts)
        )
        for cohort in cohorts:
            for _ in range(self._plan.seats):
                self._opens(cohort, 1.0)
        for end_s in range(_STEP_S, round(self._plan.hours * 3600) + 1, _STEP_S):
            self._step(end_s)
            if end_s % 3600 == 0:
                memory.append(process.memory_info().rss / 1e6)
                files.append(process.num_fds())
        self._recorder.close_now("duration", within_s=60)
        end = self._clock.utc(self._clock.at_ns)
        write_manifest(
            self.folder.manifest,
            finished(
                manifest, status=Status.COMPLETE, ended_utc=end, end_reason="duration",
                verdict=None, gap=self._recorder.gap,
            ),
        )  # fmt: skip
        return DaysCost(
            folder=self.folder.path,
            disk_mb=disk_mb(self.folder),
            memory_mb=memory,
            files=files,
            samples=self.samples,
            sessions=self.sessions,
            failures=self.failures,
            seconds=time.perf_counter() - began,
        )

    def _step(self, end_s: int) -> None:
        while self._ends and self._ends[0][0] <= end_s:
            at_s, number, cohort, opened_s = heapq.heappop(self._ends)
            self._drops(number, cohort, opened_s, at_s)
            if not self._is_down(cohort, at_s):
                self._opens(cohort, at_s + 1.5)
        self._beat()
        if self._is_down(Cohort("a", "vpn", "heartbeat"), end_s):
            self._fail_until(end_s)
        else:
            self._open_again(end_s)
        self._write(end_s)

    def _write(self, at_s: float) -> None:
        self._clock.at_ns = round(at_s * NS_PER_S)
        self._recorder.flush_now()

    def _is_down(self, cohort: Cohort, at_s: float) -> bool:
        since, until = self._plan.outage_hours
        return cohort.egress == "vpn" and since * 3600 <= at_s < until * 3600

    def _open_again(self, at_s: float) -> None:
        for cohort, number in self._open.items():
            for _ in range(self._plan.seats - number):
                self._opens(cohort, at_s)

    def _fail_until(self, end_s: int) -> None:
        writings = round(_STEP_S / _WRITING_S)
        each = round(_FAILURES_A_SECOND * _WRITING_S)
        down = [cohort for cohort in self._plan.cohorts if cohort.egress == "vpn"]
        for writing in range(writings):
            at_s = end_s - _STEP_S + writing * _WRITING_S
            for number in range(each):
                self._fails(down[number % len(down)], at_s + number * _WRITING_S / each)
            self._write(at_s + _WRITING_S)

    def _beat(self) -> None:
        for cohort, sessions in self._open.items():
            pings = int(self._random.poisson(sessions * _STEP_S / self._plan.heartbeat_s))
            middle_ns = 36e6 if cohort.egress == "vpn" else 12e6
            self._sample(
                Quantity.RTT, cohort, self._random.lognormal(np.log(middle_ns), 0.2, pings)
            )
            self._sample(Quantity.SEND_LAG, cohort, self._random.exponential(80_000, pings))
        self._sample(Quantity.LOOP_LAG, None, self._random.exponential(200_000, _LAGS_A_STEP))

    def _sample(
        self, quantity: Quantity, cohort: Cohort | None, values: NDArray[np.float64]
    ) -> None:
        for value in values.astype(int).tolist():
            self._recorder.sample(quantity, cohort, value)
        self.samples += len(values)

    def _opens(self, cohort: Cohort, at_s: float) -> None:
        self.sessions += 1
        self._open[cohort] += 1
        lives_s = self._random.exponential(self._plan.life_hours * 3600)
        heapq.heappush(self._ends, (at_s + lives_s, self.sessions, cohort, at_s))
        took = self._random.lognormal(np.log(8e6), 0.3, 3).astype(int).tolist()
        phases = dict(zip(("connect", "tls", "upgrade"), took, strict=True))
        for name, took_ns in phases.items():
            self._recorder.sample(Quantity(name), cohort, took_ns)
        self.samples += len(phases)
        self._recorder.event(
            SessionOpened(
                **self._common(cohort, at_s), session=self.sessions, phases_ns=phases, tls=_TLS
            )
        )

    def _drops(self, number: int, cohort: Cohort, opened_s: float, at_s: float) -> None:
        self._open[cohort] -= 1
        pings = int((at_s - opened_s) / self._plan.heartbeat_s)
        ending = self._ending(Phase.HELD, Kind.TCP_RESET, at_s, at_s - opened_s)
        self._recorder.event(
            SessionEnded(
                **self._common(cohort, at_s),
                session=number,
                ending=ending,
                pings=pings,
                pongs=pings,
                bytes_received=4_000 + 60 * pings,
                bytes_sent=2_000 + 70 * pings,
            )
        )

    def _fails(self, cohort: Cohort, at_s: float) -> None:
        self.failures += 1
        took_s = float(self._random.exponential(0.02))
        ending = self._ending(Phase.CONNECT, Kind.REFUSED, at_s, took_s)
        self._recorder.event(AttemptFailed(**self._common(cohort, at_s), ending=ending))

    def _ending(self, phase: Phase, kind: Kind, at_s: float, age_s: float) -> Ending:
        at_ns, age_ns = round(at_s * NS_PER_S), round(age_s * NS_PER_S)
        idle_ns = round(float(self._random.uniform(0, self._plan.heartbeat_s)) * NS_PER_S)
        return make_ending(
            phase=phase,
            kind=kind,
            failure="connection_reset" if kind is Kind.TCP_RESET else "connection_refused",
            initiator=Initiator.UNKNOWN,
            grade=Grade.TCP_INFO,
            planned=False,
            age_ns=age_ns,
            idle_ns=min(idle_ns, age_ns),
            alive_at_ns=at_ns - min(idle_ns, age_ns),
            dead_by_ns=at_ns,
            detected_at_ns=at_ns + 40_000,
            evidence=Evidence(
                why=["nothing-decides"],
                operation="receive",
                since_sent_ns=min(idle_ns, age_ns),
                idle_before_send_ns=round(self._plan.heartbeat_s * NS_PER_S),
            ),
            raw="ConnectionResetError(104, 'Connection reset by peer')",
        )

    def _common(self, cohort: Cohort, at_s: float) -> dict[str, Any]:
        self._attempts += 1
        return {
            **self._at(round(at_s * NS_PER_S)),
            **cohort._asdict(),
            "attempt": self._attempts,
            "local": f"192.0.2.10:{32_768 + self._attempts % 28_000}",
            "remote": f"198.51.100.{7 if cohort.endpoint == 'a' else 8}:443",
        }

    def _at(self, t_ns: int) -> dict[str, Any]:
        return {"t_ns": t_ns, "utc": self._clock.utc(t_ns)}


def disk_mb(folder: RunFolder) -> float:
    """What its files take on the disk, in MB."""
    return sum(path.stat().st_blocks * 512 for path in folder.path.rglob("*")) / 1e6


def judged(cost: DaysCost) -> Iterator[str]:
    """Each limit that is missed, in words."""
    if cost.disk_mb > LIMIT_MB:
        yield f"{cost.disk_mb:.0f} MB of disk, over {LIMIT_MB:.0f} MB"
    if cost.growth_mb > GROWTH_MB:
        yield f"memory grew by {cost.growth_mb:.1f} MB, over {GROWTH_MB:.0f} MB"
    if len(set(cost.files)) > 1:
        yield f"between {min(cost.files)} and {max(cost.files)} files were open"


def main() -> int:
    """Simulate, read, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, help="keep the run folder here")
    parser.add_argument("--hours", type=float, default=DaysPlan().hours)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        plan = DaysPlan(hours=options.hours)
        cost = Days(options.out or Path(scratch), plan).run()
        print(
            f"{cost.sessions:,} sessions, {cost.failures:,} failed attempts, {cost.samples:,}"
            f" samples in {cost.seconds:.0f} s: {cost.disk_mb:.1f} MB of disk, memory"
            f" {cost.memory_mb[0]:.0f} to {max(cost.memory_mb):.0f} MB, {cost.growth_mb:+.1f} MB"
            f" since hour {_SETTLED_HOURS}, {max(cost.files)} files open"
        )
        for path in sorted(cost.folder.iterdir()):
            print(f"  {path.stat().st_size / 1e6:8.1f} MB  {path.name}")
        read = measure(["show", str(cost.folder)])
        print(f"show: {read.seconds:.0f} s of CPU, at most {read.peak_mb:.0f} MB")
        missed = list(judged(cost))
        for words in missed:
            print(f"missed: {words}")
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
