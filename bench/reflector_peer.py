"""Owns the reflector as its users see it: start, where it listens, what it takes, stop."""

import os
import re
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from bench.certificate import write_certificates
from bench.machine import on_core, server_core
from bench.peer import ROOT, BenchError
from stresser.scenario.secrets import Secret

TOKEN = Secret("REFLECT_TOKEN", secrets.token_hex(16))
_STOP_S = 20


@dataclass(frozen=True, slots=True)
class ReflectorPeer:
    """A running reflector."""

    pid: int
    port: int
    ca: Path

    def rss_mib(self) -> float:
        """Resident memory (proc_pid_status(5))."""
        found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{self.pid}/status").read_text())
        return int(found[1]) / 1024 if found else 0.0


@contextmanager
def running_reflector() -> Iterator[ReflectorPeer]:
    """Start `stresser reflect` on `server_core()`, and stop it at the end.

    Raises:
        BenchError: it did not start.
    """
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        files = write_certificates(folder, ["127.0.0.1"])
        with on_core(server_core()):
            process = _started(files.chain, files.key, folder)
        with process:
            try:
                yield ReflectorPeer(process.pid, _port_of(process), files.ca)
            finally:
                _end(process)


def _started(chain: Path, key: Path, folder: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "stresser", "reflect", "--listen", "127.0.0.1:0"]
    command += ["--cert", str(chain), "--key", str(key), "--token", "env:REFLECT_TOKEN"]
    command += ["--out", str(folder / "results")]
    environment = os.environ | {"REFLECT_TOKEN": TOKEN.reveal()}
    return subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)


def _port_of(reflector: "subprocess.Popen[str]") -> int:
    assert reflector.stderr is not None
    line = reflector.stderr.readline()
    found = re.search(r"reflecting on \S+:(\d+)", line)
    if found is None:
        raise BenchError(f"the reflector did not start: {line}")
    return int(found[1])


def _end(reflector: "subprocess.Popen[str]") -> None:
    reflector.terminate()
    with suppress(subprocess.TimeoutExpired):
        reflector.wait(_STOP_S)
        return
    reflector.kill()
