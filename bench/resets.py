"""Owns `python -m bench.resets`: how far stresser's times of resets are from the packets' times.

The server resets hundreds of sessions at once; a capture on loopback is the judge. stresser
captures nothing itself, unless told to: what it knows, it knows from its own sockets.
"""

import argparse
import math
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.capture import Flow, ResetCapture, first_resets
from bench.client import Client, Job, running_client
from bench.machine import raise_file_limit
from bench.peer import ADDRESSES, BenchError, Peer, running_server
from bench.run_folder import anchor_unix_ns, events, the_run
from bench.stresser_client import stresser_command, unprivileged_command

GOAL_MS = {False: 1.0, True: 0.1}
"""The most that 99 of 100 resets may be dated wrong, without and with packets of its own."""
_SETTLE_S = 5.0  # what follows a ramp (garbage collection, flushes) is not what is judged
_BETWEEN_S = 3.0
_OPEN_S = 120.0


def flow_of(ending: Mapping[str, Any]) -> Flow:
    """The flow of an ended session."""
    return Flow(ending["remote"], int(ending["local"].rpartition(":")[2]))


def differences_ms(
    endings: Iterable[Mapping[str, Any]],
    packets: Mapping[Flow, int],
    anchor_ns: int,
    field: str = "detected_at_ns",
) -> list[float]:
    """Recorded time minus the packet's, one a reset session, in order of the packets.

    Raises:
        BenchError: a packet has no ending, or the ending of its session is no reset.
    """
    by_flow = {flow_of(ending): ending for ending in endings if not ending["planned"]}
    differences = []
    for flow, packet_ns in sorted(packets.items(), key=lambda item: item[1]):
        ending = by_flow.get(flow)
        if ending is None or ending["kind"] != "tcp_reset":
            said = "nothing" if ending is None else ending["kind"]
            raise BenchError(f"{flow.server} reset local port {flow.local_port}: recorded {said}")
        differences.append((anchor_ns + ending[field] - packet_ns) / 1e6)
    return differences


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of all values do not exceed.

    Raises:
        IndexError: there are no values.
    """
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * share) - 1)]


def _reset_in_rounds(
    peer: Peer, client: Client, arguments: argparse.Namespace
) -> list[dict[Flow, int]]:
    """Packets' times by flow, of each round."""
    rounds = []
    with ResetCapture() as capture:
        for number in range(arguments.rounds):
            peer.reset(arguments.resets)
            client.watch(_BETWEEN_S, f"the endings of round {number + 1}")
            rounds.append(first_resets(capture.take(), peer.port))
            if len(rounds[-1]) != arguments.resets:
                raise BenchError(
                    f"{len(rounds[-1])} flows were reset on the wire, not {arguments.resets}"
                )
    return rounds


def _run(peer: Peer, folder: Path, arguments: argparse.Namespace) -> list[dict[Flow, int]]:
    job = Job(
        folder=folder,
        port=peer.port,
        ca=peer.ca,
        addresses=ADDRESSES,
        sessions=arguments.sessions,
        every_s=arguments.every,
        ramp_s=arguments.every,
    )
    command = stresser_command if arguments.capture else unprivileged_command
    with running_client(command, job) as client:
        client.wait_until(
            lambda: peer.counters.open_sessions >= job.sessions, _OPEN_S, "all open sessions"
        )
        client.watch(_SETTLE_S, "the client to settle")
        rounds = _reset_in_rounds(peer, client, arguments)
        client.stop()
    return rounds


def _judge(run: Path, rounds: list[dict[Flow, int]], goal_ms: float) -> bool:
    """Print the differences of each round; whether all that were dated keep the goal."""
    endings = list(events(run, "session_ended"))
    anchor_ns = anchor_unix_ns(run)
    kept = True
    print("recorded time minus packet's time, ms")
    print(f"{'round':>5} {'resets':>7} {'field':>15} {'min':>8} {'p50':>8} {'p99':>8} {'max':>8}")
    for number, packets in enumerate(rounds, 1):
        for field in ("detected_at_ns", "dead_by_ns"):
            values = differences_ms(endings, packets, anchor_ns, field)
            shown = [min(values), quantile(values, 0.5), quantile(values, 0.99), max(values)]
            figures = " ".join(f"{value:8.3f}" for value in shown)
            print(f"{number:>5} {len(values):>7} {field:>15} {figures}")
        kept &= quantile([abs(value) for value in values], 0.99) <= goal_ms
    return kept


def main() -> int:
    """0: p99 within the goal; 1: it is not; 2: the resets did not come about."""
    parser = argparse.ArgumentParser(prog="python -m bench.resets", description=__doc__)
    parser.add_argument("--sessions", type=int, default=2_000)
    parser.add_argument("--resets", type=int, default=500, help="at once, in each round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--every", type=float, default=10, help="seconds between pings")
    parser.add_argument("--capture", action="store_true", help="stresser captures packets, too")
    arguments = parser.parse_args()
    raise_file_limit()
    try:
        with (
            tempfile.TemporaryDirectory(prefix="bench-") as name,
            running_server(Path(name)) as peer,
        ):
            rounds = _run(peer, Path(name), arguments)
            goal_ms = GOAL_MS[arguments.capture]
            kept = _judge(the_run(Path(name) / "results"), rounds, goal_ms)
    except (BenchError, OSError) as error:
        print(f"bench.resets: {error}", file=sys.stderr)
        return 2
    said = "met" if kept else "missed"
    print(f"goal: p99 of the absolute difference of dead_by_ns <= {goal_ms:g} ms: {said}")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
