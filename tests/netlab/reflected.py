"""Owns a reflector in the server's namespace, and what a run says once the two are joined."""

import json
import os
import signal
import subprocess
import sys
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.netlab.lab import Lab
from tests.netlab.processes import Process
from tests.netlab.recording import Recording
from tests.netlab.tester import TOP, WSS_PORT
from tests.netlab.topology import SERVER

TOKEN = {"REFLECT_TOKEN": "correct horse battery staple"}
NAMED = 'reflector = { token = "env:REFLECT_TOKEN" }'
"""A line of each endpoint's table."""


class Reflector:
    """Serves in the place of the lab's echo server."""

    def __init__(self, lab: Lab) -> None:
        lab.servers.pop(SERVER).kill()
        self._folder = lab.folder / "reflector"
        chain, key = str(lab.certificates.chain), str(lab.certificates.key)
        self.process: Process = lab.server.start(
            "reflector", sys.executable, "-m", "stresser", "reflect",
            "--listen", f"{SERVER}:{WSS_PORT}", "--cert", chain, "--key", key,
            "--token", "env:REFLECT_TOKEN", "--out", str(self._folder),
            environment={"PYTHONPATH": str(TOP)} | TOKEN,
        )  # fmt: skip
        self.process.wait_until_says("reflecting on")

    def stop(self) -> None:
        """In an orderly way: what it still holds, it closes."""
        self.process.send(signal.SIGINT)
        assert self.process.wait(20.0) == 0, self.process.said()

    def joined(self, recording: Recording) -> "JoinedRecording":
        """The run as both ends tell of it."""
        [folder] = self._folder.iterdir()
        command = [sys.executable, "-m", "stresser", "join", str(recording.folder), str(folder)]
        done = subprocess.run(
            command, env=os.environ | {"PYTHONPATH": str(TOP)}, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        assert done.returncode in {0, 3}, done.stderr
        return JoinedRecording(recording.folder)


class ToldRecording(Recording):
    """What the run itself came to know of both ends: judged is what `report` says of an ending."""

    def events(self) -> list[dict[str, Any]]:
        said = self._said
        return [
            one | {name: said[one["session"]][name] for name in ("initiator", "grade")}
            if one["event"] == "session_ended" and one["session"] in said
            else one
            for one in super().events()
        ]

    @cached_property
    def _said(self) -> dict[int, dict[str, Any]]:
        return {drop["session"]: drop for drop in self.report["runs"][0]["drops"]}


class JoinedRecording(ToldRecording):
    """A run folder after `stresser join`."""

    @property
    def summary(self) -> dict[str, Any]:
        read: dict[str, Any] = json.loads(Path(self.folder, "joined.json").read_text())
        return read
