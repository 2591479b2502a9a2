"""Owns `python -m bench.profile`: where a client's CPU goes, by library and by function.

Samples one client with perf(1) while it opens its sessions or while it pings: C, undisturbed.
`--functions` instead runs the client under cProfile: Python's functions over its whole life,
start-up included, each call made dearer by the profiler.
"""

import argparse
import pstats
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.client import Client, Command, Job, running_client
from bench.counters import Counter
from bench.held import COMMANDS, ramp_of_pings
from bench.machine import on_core, raise_file_limit, server_core
from bench.measure import IDLE_S
from bench.peer import ADDRESSES, BenchError, Peer, running_server

_HERTZ = 999
_SLACK_S = 120.0
_LINES = 25


def _wait_phase(peer: Peer, client: Client, job: Job, phase: str) -> None:
    if phase == "handshakes":
        counters = peer.counters
        client.wait_until(lambda: counters[Counter.ACCEPTED] > 0, _SLACK_S, "the first connection")
        return
    client.wait_until(
        lambda: peer.counters.open_sessions >= job.sessions, _SLACK_S, "all open sessions"
    )
    client.watch(job.every_s, "the first ping of each session")


def _sample(client: Client, folder: Path, seconds: float) -> None:
    data = str(folder / "perf.data")
    record = ["perf", "record", "-q", "-e", "cpu-clock", "-F", str(_HERTZ), "-p", str(client.pid)]
    with on_core(server_core()):
        recorder = subprocess.Popen([*record, "-o", data, "--", "sleep", f"{seconds:g}"])
    with recorder:
        recorder.wait(_SLACK_S)
    report = ["perf", "report", "-q", "--stdio", "-i", data, "--percent-limit", "0.5", "-s"]
    for keys in ("dso", "dso,symbol"):
        found = subprocess.run([*report, keys], capture_output=True, text=True, check=False)
        lines = [line.rstrip(" -") for line in found.stdout.splitlines() if line.strip()]
        print("\n".join(lines[:_LINES]), end="\n\n")


def _under_cprofile(command: Command, stats: Path) -> Command:
    """The same command; Python writes `stats` when it ends."""

    def profiled(job: Job) -> list[str]:
        python, *rest = command(job)
        return [python, "-m", "cProfile", "-o", str(stats), *rest]

    return profiled


def _profile(peer: Peer, folder: Path, arguments: argparse.Namespace) -> None:
    command, stats = COMMANDS[arguments.client], folder / "stats"
    if arguments.functions:
        command = _under_cprofile(command, stats)
    job = _job(peer, folder, arguments)
    with running_client(command, job) as client:
        _wait_phase(peer, client, job, arguments.phase)
        if arguments.functions:
            client.watch(arguments.seconds, "the profile")
        else:
            _sample(client, folder, arguments.seconds)
        client.stop()
    if arguments.functions:
        pstats.Stats(str(stats)).sort_stats("tottime").print_stats(_LINES)


def _job(peer: Peer, folder: Path, arguments: argparse.Namespace) -> Job:
    every_s = arguments.sessions / arguments.pings_per_second
    pings = arguments.phase == "pings"
    return Job(
        folder=folder,
        port=peer.port,
        ca=peer.ca,
        addresses=ADDRESSES[:1],
        sessions=arguments.sessions,
        every_s=every_s if pings else IDLE_S,
        ramp_s=ramp_of_pings(arguments.sessions, every_s) if pings else 0,
    )


def main() -> int:
    """0: profiled; 2: not."""
    parser = argparse.ArgumentParser(prog="python -m bench.profile", description=__doc__)
    parser.add_argument("phase", choices=("handshakes", "pings"))
    parser.add_argument("--client", choices=COMMANDS, default="stresser")
    parser.add_argument("--sessions", type=int, default=2_000)
    parser.add_argument("--pings-per-second", type=float, default=4_000)
    parser.add_argument("--functions", action="store_true", help="Python functions, by cProfile")
    parser.add_argument("--seconds", type=float, default=5)
    arguments = parser.parse_args()
    raise_file_limit()
    if not arguments.functions and not shutil.which("perf"):
        print("bench.profile: perf is not installed (--functions does without)", file=sys.stderr)
        return 2
    try:
        with (
            tempfile.TemporaryDirectory(prefix="bench-") as name,
            running_server(Path(name)) as peer,
        ):
            _profile(peer, Path(name), arguments)
    except BenchError as error:
        print(f"bench.profile: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
