"""`stresser run` as a user runs it: a process in the background, for tests."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
STRESSER = [sys.executable, "-m", "stresser"]
PATIENCE_S = 30.0


def scenario_text(
    *,
    duration: str | None = "1500ms",
    count: int = 3,
    thresholds: str = "",
    endpoints: str = 'name = "echo"\nurl = "lab+wss://echo"',
) -> str:
    return f"""
name = "short"
{f'duration = "{duration}"' if duration else ""}
[sessions]
count = {count}
reconnect = {{ initial = "200ms", max = "1s", jitter = 0.2 }}
[activity]
every = "300ms"
timeout = "2s"
[[endpoints]]
{endpoints}
[[egresses]]
name = "direct"
[[egresses]]
name = "box"
lab = {{ age_limit = "700ms", kill = "reset" }}
[thresholds]
{thresholds}
"""


class Run:
    """A `stresser run`, or another command that runs, in the background."""

    def __init__(
        self, folder: Path, text: str, *options: str, command: str = "run", **environment: str
    ) -> None:
        self.results = folder / "results"
        scenario = folder / "short.toml"
        scenario.write_text(text)
        self.process = subprocess.Popen(
            [*STRESSER, command, str(scenario), "--out", str(self.results), *options],
            cwd=ROOT,
            env=os.environ | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    @property
    def folder(self) -> Path:
        return next(self.results.iterdir())

    def events(self) -> list[dict[str, Any]]:
        whole = (self.folder / "events.jsonl").read_bytes().rpartition(b"\n")[0]
        return [json.loads(line) for line in whole.splitlines()]

    def log(self) -> str:
        """What it has logged; nothing before it has a folder."""
        logs = list(self.results.glob("*/stresser.log"))
        return logs[0].read_text() if logs else ""

    def wait_for(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline, "waited in vain"
            assert self.process.poll() is None, self.process.communicate()
            time.sleep(0.01)

    def wait_until_open(self, sessions: int) -> None:
        def opened() -> bool:
            try:
                kinds = [e["event"] for e in self.events()]
            except (OSError, StopIteration):
                return False
            return kinds.count("session_opened") >= sessions

        self.wait_for(opened)

    def shown(self, *options: str) -> str:
        """What `stresser show` prints of it."""
        command = [*STRESSER, "show", str(self.folder), *options]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        return done.stdout

    def finish(self) -> tuple[int, str, str]:
        out, err = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, out, err
