"""Owns `python -m bench.held`: what a held session costs, stresser beside the floor.

Both do the same work against the same server process, one right after the other, and are
measured from outside; with `--old TREE`, a checkout of an older build does it, too, in the same
rounds. README.md says how the figures are made.
"""

import argparse
import itertools
import json
import math
import platform
import ssl
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bench.client import Command, Job
from bench.floor_client import floor_command
from bench.machine import cores, raise_file_limit
from bench.measure import IDLE_S, Held, Pinged, measure_held, measure_pinged
from bench.peer import ADDRESSES, OUT, ROOT, BenchError, Peer, running_server
from bench.ratios import Row, compare, quantities_beside
from bench.stresser_client import blind_command, in_tree, stresser_command, workers_command
from bench.table import render

COMMANDS: dict[str, Command] = {
    "floor": floor_command,
    "stresser": stresser_command,
    "blind": blind_command,
    "workers": workers_command,
}
"""`workers` is stresser in two workers, on the client's one core: what spreading itself costs. Its
one session, from which memory is counted, is held by one process: the others are in the memory.

`blind` is stresser that captures no packets and makes no fresh connections."""
OLD = "old"
"""The side of an older build."""
_RAMP_PER_S = 500  # both clients keep up with it easily


@dataclass(slots=True)
class Side:
    """One client, and all that was measured of it. Keys are numbers of sessions."""

    name: str
    alone: list[Held] = field(default_factory=list)
    """With one session: what memory is counted from."""
    held: dict[int, list[Held]] = field(default_factory=dict)
    pinged: dict[int, list[Pinged]] = field(default_factory=dict)

    def figures(self, key: str, sessions: int) -> list[float]:
        """The figures of one quantity, in the order in which they were measured."""
        held = self.held.get(sessions, [])
        match key:
            case "kib_per_session":
                pairs = zip(self.alone, held, strict=True)
                return [(many.rss_kib - one.rss_kib) / (sessions - 1) for one, many in pairs]
            case "cpu_per_1000_handshakes":
                return [run.cpu_handshakes_s * 1_000 / sessions for run in held]
            case "cpu_per_100000_pings":
                runs = self.pinged.get(sessions, [])
                return [run.cpu_s * 100_000 / run.round_trips for run in runs]
            case "cpu_to_first_syn":
                return [run.cpu_start_s for run in held]
            case "seconds_to_first_syn":
                return [run.start_s for run in held]
            case "attempts_per_second":
                return [sessions / run.ramp_s for run in held]
            case _:
                raise KeyError(key)


class Benchmark:
    """All runs of one invocation."""

    def __init__(self, peer: Peer, arguments: argparse.Namespace) -> None:
        self._peer = peer
        self._arguments = arguments
        self._addresses = itertools.cycle(ADDRESSES)
        self._commands = dict(COMMANDS)
        self.sides = [Side(arguments.baseline), Side(arguments.candidate)]
        if arguments.old is not None:
            self._commands[OLD] = in_tree(arguments.old.resolve(), stresser_command)
            self.sides.insert(1, Side(OLD))
        self.notes: list[str] = []

    def run(self) -> None:
        """Measure everything.

        Raises:
            BenchError: a client did not do its work.
        """
        for _, side in self._alternating(self._arguments.pairs, "one session"):
            side.alone.append(self._held(side, 1))
        for sessions in self._arguments.sessions:
            for _, side in self._alternating(self._arguments.pairs, f"{sessions} held"):
                side.held.setdefault(sessions, []).append(self._held(side, sessions))
            for _, side in self._alternating(self._arguments.ping_pairs, f"{sessions} pinging"):
                side.pinged.setdefault(sessions, []).append(self._pinged(side, sessions))

    def tables(self) -> list[tuple[str, list[Row]]]:
        """The comparison of the candidate with each other side, and that side's name."""
        *others, candidate = self.sides
        return [(other.name, self._rows(other, candidate)) for other in others]

    def _rows(self, other: Side, candidate: Side) -> list[Row]:
        return [
            compare(
                quantity,
                sessions,
                list(
                    zip(
                        other.figures(quantity.key, sessions),
                        candidate.figures(quantity.key, sessions),
                        strict=True,
                    )
                ),
            )
            for quantity in quantities_beside(other.name)
            for sessions in self._arguments.sessions
        ]

    def _alternating(self, pairs: int, what: str) -> Iterator[tuple[int, Side]]:
        """Floor, candidate, candidate, floor, ...: a drift of the machine favours nobody."""
        for pair in range(pairs):
            for side in self.sides if pair % 2 == 0 else reversed(self.sides):
                print(f"{what}, pair {pair + 1} of {pairs}: {side.name}", file=sys.stderr)
                yield pair, side

    def _held(self, side: Side, sessions: int) -> Held:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            job = self._job(Path(folder), sessions, IDLE_S)
            held = measure_held(self._peer, self._commands[side.name], job)
        self._note_exit(side, sessions, held.exit_code)
        return held

    def _pinged(self, side: Side, sessions: int) -> Pinged:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            every_s = sessions / self._arguments.pings_per_second
            job = self._job(
                Path(folder), sessions, every_s, ramp_s=ramp_of_pings(sessions, every_s)
            )
            trips = self._arguments.round_trips
            pinged = measure_pinged(self._peer, self._commands[side.name], job, trips)
        self._note_exit(side, sessions, pinged.exit_code)
        if pinged.saturated:
            self.notes.append(
                f"{side.name} with {sessions} sessions met {pinged.rate_met:.0%} of the pings due:"
                " its CPU per ping was measured at a lower rate, which makes a ping dearer"
            )
        return pinged

    def _job(self, folder: Path, sessions: int, every_s: float, *, ramp_s: float = 0) -> Job:
        """The next address, so that ports still in TIME_WAIT are not looked through."""
        peer = self._peer
        addresses = [next(self._addresses)]
        return Job(
            folder=folder,
            port=peer.port,
            ca=peer.ca,
            addresses=addresses,
            sessions=sessions,
            every_s=every_s,
            ramp_s=ramp_s,
        )

    def _note_exit(self, side: Side, sessions: int, code: int) -> None:
        if code:
            self.notes.append(f"{side.name} with {sessions} sessions ended with exit code {code}")


def ramp_of_pings(sessions: int, every_s: float) -> float:
    """Seconds over which to start sessions so that their pings fall evenly into each interval.

    A ping is due `every` after its session's opening, so a fast ramp makes bursts, and a burst
    is cheaper than as many single pings: a client that opens faster would look better. Half an
    interval more than a whole number keeps one lap from falling on the one before.
    """
    laps = math.ceil(sessions / _RAMP_PER_S / every_s)
    return (laps + 0.5) * every_s


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.held", description=__doc__)
    parser.add_argument("--sessions", type=int, nargs="+", default=[500, 2_000, 10_000])
    parser.add_argument("--pairs", type=int, default=3, help="for memory and handshakes")
    parser.add_argument("--ping-pairs", type=int, default=5)
    parser.add_argument("--pings-per-second", type=float, default=4_000)
    parser.add_argument("--round-trips", type=int, default=40_000, help="in a window")
    parser.add_argument("--quick", action="store_true", help="500 sessions, one pair")
    parser.add_argument("--strict", action="store_true", help="exit 1 when a goal is missed")
    parser.add_argument(
        "--baseline",
        choices=COMMANDS,
        default="floor",
        help="what it is compared with; 'blind' shows what the witnesses of packets cost",
    )
    parser.add_argument(
        "--candidate",
        choices=COMMANDS,
        default="stresser",
        help="'floor' compares the floor with itself: the noise of this machine",
    )
    parser.add_argument("--old", type=Path, help="the checkout of an older build, as a third side")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.sessions, arguments.pairs, arguments.ping_pairs = [500], 1, 1
    return arguments


def _host() -> str:
    python = f"Python {platform.python_version()}, {ssl.OPENSSL_VERSION}"
    return f"{platform.system()} {platform.release()}, {len(cores())} cores, {python}"


def _write(benchmark: Benchmark, host: str) -> Path:
    """Everything measured, for later comparison; returns where."""
    OUT.mkdir(exist_ok=True)
    path = OUT / time.strftime("held-%Y%m%dT%H%M%SZ.json", time.gmtime())
    content = {
        "host": host,
        "rows": {name: [asdict(row) for row in rows] for name, rows in benchmark.tables()},
        "measured": [asdict(side) for side in benchmark.sides],
        "notes": benchmark.notes,
    }
    path.write_text(json.dumps(content, indent=1))
    return path


def main() -> int:
    """0: measured; 1: with --strict, a goal is missed; 2: a client did not do its work."""
    arguments = _arguments()
    raise_file_limit()
    try:
        with (
            tempfile.TemporaryDirectory(prefix="bench-") as folder,
            running_server(Path(folder)) as peer,
        ):
            benchmark = Benchmark(peer, arguments)
            benchmark.run()
    except BenchError as error:
        print(f"bench.held: {error}", file=sys.stderr)
        return 2
    tables = benchmark.tables()
    path = _write(benchmark, _host())
    print(_host())
    for name, rows in tables:
        print(render(rows, (), names=(name, arguments.candidate)), end="\n\n")
    print("\n".join(f"note: {note}" for note in benchmark.notes))
    print(f"Everything measured: {path.relative_to(ROOT)}")
    missed = any(row.met is False for _, rows in tables for row in rows)
    return 1 if arguments.strict and missed else 0


if __name__ == "__main__":
    sys.exit(main())
