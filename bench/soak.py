"""Owns `python -m bench.soak`: does stresser grow? An hour of events within minutes.

Sessions ping fast, die at a lab middlebox and come back, histograms are written each second;
resident memory and open files are sampled from outside.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from bench.client import Client, Job, running_client
from bench.machine import raise_file_limit
from bench.peer import OUT, ROOT, BenchError
from bench.run_folder import events, the_run
from bench.slope import Slope, slope
from bench.stresser_client import run_command

_USUAL_EVERY_S = 15.0
_EVERY_S = 0.2
_SAMPLE_S = 1.0
_SLACK_S = 120.0
_SCENARIO = """
name = "soak"
duration = "{duration}s"
[sessions]
count = {sessions}
ramp = "2s"
attempts_per_second = 1000.0
attempts_per_second_per_endpoint = 1000.0
reconnect = {{ initial = "100ms", max = "1s", jitter = 0.5 }}
[activity]
kind = "heartbeat"
every = "{every}ms"
[record]
histogram_interval = "1s"
[[endpoints]]
name = "echo"
url = "lab+wss://echo"
[[egresses]]
name = "direct"
[[egresses]]
name = "middlebox"
lab = {{ age_limit = "{age}s", kill = "reset" }}
"""


def scenario_text(duration_s: float, sessions: int, age_s: float) -> str:
    """Half of the sessions are held throughout, half die at `age_s` and come back."""
    return _SCENARIO.format(
        duration=round(duration_s), sessions=sessions, every=round(_EVERY_S * 1e3), age=f"{age_s:g}"
    )


def _sample(client: Client, duration_s: float) -> tuple[list[float], list[int], list[int]]:
    """Seconds, KiB and open files, each second until the run is nearly over."""
    times, memory, files = [], [], []
    began = time.monotonic()
    while (now := time.monotonic() - began) < duration_s:
        times.append(now)
        memory.append(client.memory()["rss_kib"])
        files.append(sum(1 for _ in Path(f"/proc/{client.pid}/fd").iterdir()))
        client.watch(_SAMPLE_S, "the soak")
    return times, memory, files


def _write_series(times: list[float], memory: list[int], files: list[int]) -> None:
    """The samples, for whoever wants to see the curve."""
    OUT.mkdir(exist_ok=True)
    path = OUT / time.strftime("soak-%Y%m%dT%H%M%SZ.csv", time.gmtime())
    samples = zip(times, memory, files, strict=True)
    lines = [f"{at:.3f},{kib},{count}" for at, kib, count in samples]
    path.write_text("\n".join(["seconds,rss_kib,open_files", *lines]) + "\n")
    print(f"samples      {path.relative_to(ROOT)}")


def _print_slope(what: str, unit: str, found: Slope, endings: float) -> None:
    interval = f"95 %: {found.low * 60:+.2f} to {found.high * 60:+.2f}"
    answer = "flat" if found.flat else "grows"
    if found.flat and not found.shown_flat:
        answer = "flat as far as this series can tell: soak longer"
    growth = found.per_second * found.seconds / endings * 1000 if endings else 0
    print(
        f"{what:<12} mean {found.mean:,.0f} {unit}, slope {found.per_second * 60:+.2f} {unit}/min"
        f" ({interval}), {growth:+.3f} {unit} per 1,000 endings: {answer}"
    )


def _soak(folder: Path, arguments: argparse.Namespace) -> bool:
    """Run, sample, print; whether nothing grows."""
    duration_s = arguments.warm_up + arguments.duration
    scenario = folder / "scenario.toml"
    scenario.write_text(scenario_text(duration_s + 2, arguments.sessions // 2, arguments.age))
    job = Job(folder=folder, port=0, ca=folder, addresses=[], sessions=0, every_s=_EVERY_S)
    with running_client(lambda job: run_command(scenario, job.folder), job) as client:
        client.watch(arguments.warm_up, "the warm-up")
        times, memory, files = _sample(client, arguments.duration)
        code = client.wait_end(_SLACK_S)
        if code not in (0, 3):
            raise BenchError(f"stresser ended with code {code}:\n{client.errors()}")
    run = the_run(folder / "results")
    drops = pings = 0
    for ending in events(run, "session_ended"):
        drops += not ending["planned"]
        pings += ending.get("pings", 0)
    hours = pings * _USUAL_EVERY_S / arguments.sessions / 3600
    print(f"done         {drops:,} drops, {pings:,} pings: as many pings as {hours:.1f} h of 15 s")
    if drops == 0 or pings == 0:
        raise BenchError("no session died or no ping was sent: nothing was soaked")
    share = drops * arguments.duration / duration_s
    _write_series(times, memory, files)
    found = [slope(times, memory), slope(times, files)]
    _print_slope("memory", "KiB", found[0], share)
    _print_slope("open files", "files", found[1], share)
    _print_halves(times, memory)
    return all(one.flat for one in found)


def _print_halves(times: list[float], memory: list[int]) -> None:
    """What fills up to a bound (histograms) slows down; a leak does not. It excuses nothing."""
    middle = len(times) // 2
    try:
        halves = [slope(times[:middle], memory[:middle]), slope(times[middle:], memory[middle:])]
    except ValueError:
        return  # a soak too short to be halved
    slopes = " then ".join(f"{half.per_second * 60:+.2f}" for half in halves)
    print(f"             by halves {slopes} KiB/min")


def main() -> int:
    """0: flat; 1: something grows; 2: the soak did not come about."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.add_argument("--sessions", type=int, default=200)
    parser.add_argument("--duration", type=float, default=240, help="seconds that are judged")
    parser.add_argument("--warm-up", type=float, default=120, help="seconds before them")
    parser.add_argument("--age", type=float, default=3, help="seconds until the middlebox kills")
    arguments = parser.parse_args()
    raise_file_limit()
    try:
        with tempfile.TemporaryDirectory(prefix="bench-") as name:
            flat = _soak(Path(name), arguments)
    except BenchError as error:
        print(f"bench.soak: {error}", file=sys.stderr)
        return 2
    return 0 if flat else 1


if __name__ == "__main__":
    sys.exit(main())
