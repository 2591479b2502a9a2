"""Owns how stresser is started for a job: a scenario file and its own command line, nothing else.

The figures of a benchmark are those of the program that a user runs, so no inner interface is
used here.
"""

import sys
from pathlib import Path

from bench.client import Command, Job
from bench.peer import BenchError

_UNCAPPED = 1e5  # attempts a second: the server and the handshakes in flight set the pace
_IN_FLIGHT = 64  # as the floor
_UNPRIVILEGED = "[witnesses]\npackets = false\n"
_BLIND = "[witnesses]\npackets = false\nfresh_connections = false\n"


def stresser_command(job: Job) -> list[str]:
    """Write the scenario; stresser as a command for `running_client`."""
    scenario = job.folder / "scenario.toml"
    scenario.write_text(scenario_text(job))
    return run_command(scenario, job.folder)


def blind_command(job: Job) -> list[str]:
    """The same without the witnesses that can be left out: what they cost is the difference."""
    return _command_with(job, _BLIND)


def unprivileged_command(job: Job) -> list[str]:
    """The same as a process sees it that may not capture packets."""
    return _command_with(job, _UNPRIVILEGED)


def workers_command(job: Job) -> list[str]:
    """The same in two workers."""
    scenario = job.folder / "scenario.toml"
    scenario.write_text(scenario_text(job, workers=2))
    return run_command(scenario, job.folder)


def in_tree(tree: Path, command: Command) -> Command:
    """The same with the `stresser` of another checkout: `-m` looks in the working folder first."""

    def moved(job: Job) -> list[str]:
        return ["env", "-u", "PYTHONPATH", f"--chdir={tree}", *command(job)]

    return moved


def _command_with(job: Job, witnesses: str) -> list[str]:
    scenario = job.folder / "scenario.toml"
    scenario.write_text(scenario_text(job) + witnesses)
    return run_command(scenario, job.folder)


def run_command(scenario: Path, folder: Path) -> list[str]:
    """`stresser run` with its results in `folder`."""
    stresser = [sys.executable, "-m", "stresser", "run", str(scenario)]
    return [*stresser, "--quiet", "--out", str(folder / "results")]


def scenario_text(
    job: Job, *, duration: str | None = None, interval: str = "10s", workers: int = 1
) -> str:
    """The job as a scenario file; `duration` omitted: until it is stopped.

    Raises:
        BenchError: the sessions cannot be spread evenly over the addresses.
    """
    each, rest = divmod(job.sessions, len(job.addresses))
    if rest:
        raise BenchError(f"{job.sessions} sessions do not spread over {len(job.addresses)} hosts")
    head = ['name = "bench"', *([f'duration = "{duration}"'] if duration else [])]
    sessions = [
        "[sessions]",
        f"count = {each}",
        f'ramp = "{round(job.ramp_s * 1e3)}ms"',
        "reconnect = false",
        f"attempts_per_second = {_UNCAPPED}",
        f"attempts_per_second_per_endpoint = {_UNCAPPED}",
        f"handshakes_in_flight = {_IN_FLIGHT}",
        *([f"workers = {workers}"] if workers > 1 else []),
    ]
    activity = ["[activity]", 'kind = "heartbeat"', f'every = "{round(job.every_s * 1e3)}ms"']
    record = ["[record]", f'histogram_interval = "{interval}"']
    return "\n".join([*head, *sessions, *activity, *record, endpoints_text(job)])


def endpoints_text(job: Job) -> str:
    """One endpoint for each address, to end a scenario file with."""
    return "".join(_endpoint(job, address) + "\n" for address in job.addresses)


def _endpoint(job: Job, address: str) -> str:
    name = f"server-{address.replace('.', '-')}-{job.port}"
    return f"""[[endpoints]]
name = "{name}"
url = "wss://{address}:{job.port}/"
ca = "{job.ca}\""""
