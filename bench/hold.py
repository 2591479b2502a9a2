"""Owns `python -m bench.hold`: many sessions with a heartbeat held for minutes, none missed.

Reads the answer out of the run folder: all opened, none dropped, every ping that was due was
sent and answered, and no loop was far behind. With `--workers` the client shares all cores with the
server; there are as many servers as the limit of open files asks for.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.client import Job, running_client
from bench.machine import raise_file_limit
from bench.peer import ADDRESSES, BenchError, Peer, running_server
from bench.run_folder import events, folders_of, merged_histogram, the_run
from bench.stresser_client import endpoints_text, run_command, scenario_text

LAG_GOAL_MS = 50
_EDGE_NS = 100_000_000
"""A ping due this close to the end of its session may be missing, or its pong."""
_SLACK_S = 60
_OTHER_FILES = 1_000
"""Of a server: what it opens besides sessions, and room."""


@dataclass(slots=True)
class Heartbeats:
    """What the sessions of a run say of their pings."""

    sessions: int = 0
    dropped: int = 0
    pings: int = 0
    pongs: int = 0
    due: int = 0
    wrong: int = 0
    """Sessions whose pings are not those that were due, or not all answered."""


def count_heartbeats(endings: Iterable[dict[str, Any]], every_ns: int) -> Heartbeats:
    """Compare each `session_ended` with the schedule: a ping `every_ns` after the opening, ..."""
    beats = Heartbeats()
    for ending in endings:
        due, into_interval = divmod(ending["age_ns"], every_ns)
        pings, pongs = ending.get("pings", 0), ending.get("pongs", 0)
        at_edge = min(into_interval, every_ns - into_interval) < _EDGE_NS
        late = 1 if at_edge else 0
        beats.sessions += 1
        beats.dropped += not ending["planned"]
        beats.due += due
        beats.pings += pings
        beats.pongs += pongs
        beats.wrong += not (abs(pings - due) <= late and 0 <= pings - pongs <= late)
    return beats


def _hold(peers: Sequence[Peer], folder: Path, arguments: argparse.Namespace) -> Path:
    """One run of its own length; its folder."""
    job = Job(
        folder=folder,
        port=peers[0].port,
        ca=peers[0].ca,
        addresses=ADDRESSES,
        sessions=arguments.sessions // len(peers),
        every_s=arguments.every,
        ramp_s=arguments.ramp or arguments.every,  # spreads the pings over the interval
    )
    duration_s = job.ramp_s + arguments.duration
    scenario = folder / "scenario.toml"
    text = scenario_text(job, duration=f"{duration_s:g}s", workers=arguments.workers)
    others = [endpoints_text(replace(job, port=peer.port, ca=peer.ca)) for peer in peers[1:]]
    scenario.write_text("".join([text, *others]))
    with running_client(
        lambda job: run_command(scenario, job.folder), job, everywhere=arguments.workers > 1
    ) as client:
        client.wait_until(
            lambda: sum(peer.counters.open_sessions for peer in peers) >= arguments.sessions,
            job.ramp_s + _SLACK_S,
            f"{arguments.sessions} open sessions",
        )
        code = client.wait_end(duration_s + _SLACK_S)
        if code not in (0, 3):
            raise BenchError(f"stresser ended with code {code}:\n{client.errors()}")
    return the_run(folder / "results")


def _judge(run: Path, arguments: argparse.Namespace) -> list[str]:
    """Print what the folder says; what is wrong with it."""
    opened = sum(1 for _ in events(run, "session_opened"))
    failed = sum(1 for _ in events(run, "attempt_failed"))
    beats = count_heartbeats(events(run, "session_ended"), int(arguments.every * 1e9))
    lags = [
        merged_histogram(folder, "loop_lag") for folder in folders_of(run)[-arguments.workers :]
    ]
    lag_ms = [
        max(lag.get_value_at_percentile(percentile) for lag in lags) / 1e6
        for percentile in (50, 99, 100)
    ]
    print(f"sessions     {opened} opened, {failed} attempts failed, {beats.dropped} dropped")
    print(f"heartbeats   {beats.due} due, {beats.pings} pings sent, {beats.pongs} pongs")
    print(f"             {beats.wrong} sessions with a missed heartbeat")
    print("loop lag     p50 {:.2f} ms, p99 {:.2f} ms, max {:.2f} ms".format(*lag_ms))
    wrong = {
        f"not exactly {arguments.sessions} sessions opened": opened != arguments.sessions,
        "not every session has an ending": beats.sessions != opened,
        "attempts failed": failed > 0,
        "sessions were dropped": beats.dropped > 0,
        "heartbeats were missed": beats.wrong > 0,
        f"loop lag p99 is not under {LAG_GOAL_MS} ms": lag_ms[1] >= LAG_GOAL_MS,
    }
    return [sentence for sentence, true in wrong.items() if true]


def main() -> int:
    """0: held as it should be; 1: it was not; 2: the run did not come about."""
    parser = argparse.ArgumentParser(prog="python -m bench.hold", description=__doc__)
    parser.add_argument("--sessions", type=int, default=2_000)
    parser.add_argument("--every", type=float, default=10, help="seconds between pings")
    parser.add_argument("--duration", type=float, default=300, help="seconds after the ramp")
    parser.add_argument("--ramp", type=float, help="seconds in which they open; else one `every`")
    parser.add_argument("--workers", type=int, default=1)
    arguments = parser.parse_args()
    servers = 1 + arguments.sessions // (raise_file_limit() - _OTHER_FILES)
    try:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
            peers = []
            for number in range(servers):
                (place := folder / f"server-{number}").mkdir()
                peers.append(stack.enter_context(running_server(place)))
            wrong = _judge(_hold(peers, folder, arguments), arguments)
    except BenchError as error:
        print(f"bench.hold: {error}", file=sys.stderr)
        return 2
    print("answer       " + ("; ".join(wrong) if wrong else "held, no heartbeat missed"))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
