"""Owns how the floor is started for a job."""

import sys

from bench.client import Job


def floor_command(job: Job) -> list[str]:
    """The floor as a command for `running_client`."""
    addresses = [part for address in job.addresses for part in ("--address", address)]
    return [
        *(sys.executable, "-m", "bench.floor"),
        *addresses,
        *("--port", str(job.port)),
        *("--sessions", str(job.sessions)),
        *("--every", str(job.every_s)),
        *("--ramp", str(job.ramp_s)),
    ]
