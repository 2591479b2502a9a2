"""Owns `python -m bench.profile`: where a client's CPU goes, by library and by function.

Samples one client with perf(1) while it opens its sessions or while it pings. C alone is seen;
with py-spy on the PATH the Python functions follow.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.client import Client, Job, running_client
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


def _record(client: Client, folder: Path, seconds: float) -> list[list[str]]:
    """Run the profilers over the client; how to print what they found."""
    data, stacks = folder / "perf.data", folder / "stacks"
    perf = ["perf", "record", "-q", "-e", "cpu-clock", "-F", str(_HERTZ), "-p", str(client.pid)]
    commands = [[*perf, "-o", str(data), "--", "sleep", f"{seconds:g}"]]
    report = ["perf", "report", "-q", "--stdio", "-i", str(data), "--percent-limit", "0.5", "-s"]
    printed = [[*report, "dso"], [*report, "dso,symbol"]]
    if shutil.which("py-spy"):
        spy = ["py-spy", "record", "-f", "raw", "-r", str(_HERTZ), "-d", f"{seconds:.0f}"]
        commands.append([*spy, "-p", str(client.pid), "-o", str(stacks)])
        printed.append(["sort", "-t", " ", "-k", "2", str(stacks)])
    with on_core(server_core()):
        running = [subprocess.Popen(command) for command in commands]
    for process in running:
        process.wait(_SLACK_S)
    return printed


def _profile(peer: Peer, folder: Path, arguments: argparse.Namespace) -> None:
    every_s = arguments.sessions / arguments.pings_per_second
    pings = arguments.phase == "pings"
    job = Job(
        folder=folder,
        port=peer.port,
        ca=peer.ca,
        addresses=ADDRESSES[:1],
        sessions=arguments.sessions,
        every_s=every_s if pings else IDLE_S,
        ramp_s=ramp_of_pings(arguments.sessions, every_s) if pings else 0,
    )
    with running_client(COMMANDS[arguments.client], job) as client:
        _wait_phase(peer, client, job, arguments.phase)
        printed = _record(client, folder, arguments.seconds)
        client.stop()
    for command in printed:
        found = subprocess.run(command, capture_output=True, text=True, check=False)
        print("\n".join(found.stdout.splitlines()[:_LINES]), end="\n\n")


def main() -> int:
    """0: profiled; 2: not."""
    parser = argparse.ArgumentParser(prog="python -m bench.profile", description=__doc__)
    parser.add_argument("phase", choices=("handshakes", "pings"))
    parser.add_argument("--client", choices=COMMANDS, default="stresser")
    parser.add_argument("--sessions", type=int, default=2_000)
    parser.add_argument("--pings-per-second", type=float, default=4_000)
    parser.add_argument("--seconds", type=float, default=5)
    arguments = parser.parse_args()
    raise_file_limit()
    if not shutil.which("perf"):
        print("bench.profile: perf is not installed", file=sys.stderr)
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
