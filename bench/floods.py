"""Owns `python -m bench.floods`: what 20 flooding sessions do to the round trips of others.

Each kind of flood has a control, the same run to a server that sends nothing, before it and after
it. The others' RTT p99 beside the flood may be three times that of the control.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

from bench.client import Job, running_client
from bench.flood_server import KINDS, QUIET
from bench.machine import on_core, server_core
from bench.peer import ADDRESSES, ROOT, BenchError, Peer, running_server
from bench.run_folder import merged_histogram, the_run
from bench.stresser_client import run_command, scenario_text

GOAL = 3.0
_INNOCENTS, _FLOODED = ADDRESSES[:4], ADDRESSES[7]
_SESSIONS_EACH = 20
_EVERY_S = 0.2
_RAMP_S = 1.0
_SLACK_S = 60


@dataclass(frozen=True, slots=True)
class Beside:
    """The others' round trips beside one kind of flood, in milliseconds, and in its controls."""

    kind: str
    controls: Sequence[float]
    flooded: float
    p50: float

    @property
    def ratio(self) -> float:
        """p99 over the mean p99 of the controls around it."""
        return self.flooded / mean(self.controls)

    def row(self) -> str:
        """One line of the table."""
        before, after = self.controls
        return (
            f"{self.kind:<16}{before:>9.2f}{after:>9.2f}{self.flooded:>9.2f}{self.p50:>9.2f}"
            f"{self.ratio:>8.2f}  {'met' if self.ratio <= GOAL else 'MISSED'}"
        )


@contextmanager
def _flooding(kind: str, certificates: Path) -> Iterator[int]:
    command = [sys.executable, "-m", "bench.flood_server", "--kind", kind, "--address", _FLOODED]
    command += ["--chain", str(certificates / "chain.pem"), "--key", str(certificates / "key.pem")]
    with (
        on_core(server_core()),
        subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as process,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            if not line.strip().isdigit():
                raise BenchError("the flooding server did not start")
            yield int(line)
        finally:
            process.kill()


def _others(peer: Peer, folder: Path, seconds: float, kind: str) -> tuple[float, float]:
    """RTT p50 and p99 of the others beside one kind of flood, in milliseconds."""
    results = folder / kind
    results.mkdir(exist_ok=True)
    job = Job(
        folder=results,
        port=peer.port,
        ca=peer.ca,
        addresses=_INNOCENTS,
        sessions=_SESSIONS_EACH * len(_INNOCENTS),
        every_s=_EVERY_S,
        ramp_s=_RAMP_S,
    )
    scenario = results / "scenario.toml"
    with _flooding(kind, folder) as port, tempfile.TemporaryDirectory(dir=results) as out:
        url = f"wss://{_FLOODED}:{port}/"
        flood = f'\n[[endpoints]]\nname = "flood"\nurl = "{url}"\nca = "{peer.ca}"\n'
        scenario.write_text(scenario_text(job, duration=f"{seconds:g}s") + flood)
        with running_client(lambda _: run_command(scenario, Path(out)), job) as client:
            code = client.wait_end(seconds + _SLACK_S)
            if code not in (0, 3):
                raise BenchError(f"stresser ended with code {code}:\n{client.errors()}")
        rtt = merged_histogram(the_run(Path(out) / "results"), "rtt/server-")
    p50, p99 = (rtt.get_value_at_percentile(percentile) / 1e6 for percentile in (50, 99))
    return p50, p99


def _measure(peer: Peer, folder: Path, seconds: float) -> Iterator[Beside]:
    _, before = _others(peer, folder, seconds, QUIET)
    for kind in KINDS:
        p50, flooded = _others(peer, folder, seconds, kind)
        _, after = _others(peer, folder, seconds, QUIET)
        yield Beside(kind, (before, after), flooded, p50)
        before = after


def main() -> int:
    """0: within the goal; 1: it is missed; 2: a run did not come about."""
    parser = argparse.ArgumentParser(prog="python -m bench.floods", description=__doc__)
    parser.add_argument("--seconds", type=float, default=10, help="of each of the nine runs")
    arguments = parser.parse_args()
    print(f"{'RTT p99, ms':<16}{'control':>9}{'control':>9}{'flood':>9}{'(p50)':>9}{'ratio':>8}")
    missed = False
    try:
        with (
            tempfile.TemporaryDirectory(prefix="bench-") as name,
            running_server(Path(name)) as peer,
        ):
            for beside in _measure(peer, Path(name), arguments.seconds):
                print(beside.row(), flush=True)
                missed |= beside.ratio > GOAL
    except BenchError as error:
        print(f"bench.floods: {error}", file=sys.stderr)
        return 2
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
