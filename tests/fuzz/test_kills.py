"""Commands that are killed, interrupted or ended at any moment: what they leave reads, or is gone.

`STRESSER_KILLS`: how many (a kill takes three seconds).
"""

import os
import random
import re
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from tests.analysis.story import idle_kill_story
from tests.cli.in_process import stresser_says
from tests.cli.run_process import ROOT, STRESSER, scenario_text
from tests.fakes.certificates import authority
from tests.fuzz.damage import SEED
from tests.netlab.wait import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(0)]
KILLS = int(os.environ.get("STRESSER_KILLS", "6"))
PATIENCE_S = 60.0
LONGEST_S = 4.0
OURS = re.compile(r"/stresser/(?!__main__|__init__|run/__init__|run/early_stop)")
"""Until `early_stop` is imported a signal is Python's: it ends so, with or without a traceback."""
TOKEN = {"STRESSER_TOKEN": "of sixteen letters and more"}
SIGNALS = (
    (signal.SIGKILL,),
    (signal.SIGTERM,),
    (signal.SIGINT,),
    (signal.SIGINT, signal.SIGINT),
    (signal.SIGTERM, signal.SIGTERM),
    (signal.SIGTERM, signal.SIGKILL),
)


class Place:
    """A folder with what each command needs; `scratch` is its temporary directory."""

    def __init__(self, folder: Path) -> None:
        self.results, self.scratch = folder / "results", folder / "scratch"
        self.scratch.mkdir()
        self.scenario, self.pem = folder / "k.toml", folder / "server.pem"
        self.scenario.write_text(scenario_text(duration="2s"))
        authority().issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(
            str(self.pem)
        )
        self.recorded = idle_kill_story().recorded(folder / "20261123T000000Z-night").path

    def commands(self) -> list[list[str]]:
        bundle = str(self.recorded.parent / "b.zip")
        return [
            ["run", str(self.scenario), "--out", str(self.results)],
            ["run", str(self.scenario), "--out", str(self.results), "--quiet"],
            ["reflect", "--listen", "127.0.0.1:0", "--cert", str(self.pem), "--key", str(self.pem),
             "--token", "env:STRESSER_TOKEN", "--out", str(self.results)],
            ["report", str(self.recorded), "--bundle", bundle, "--redact"],
        ]  # fmt: skip


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.mark.parametrize("number", range(KILLS))
def test_what_is_left_reads(number: int, place: Place) -> None:
    dice = random.Random(f"{SEED}/kills/{number}")  # noqa: S311 - dice
    command, signals = dice.choice(place.commands()), dice.choice(SIGNALS)
    with subprocess.Popen(
        [*STRESSER, *command], cwd=ROOT, start_new_session=True, text=True,
        env=os.environ | TOKEN | {"TMPDIR": str(place.scratch)},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as process:  # fmt: skip
        with suppress(subprocess.TimeoutExpired):
            process.wait(dice.uniform(0, LONGEST_S))  # what is tested is a moment
        for each in signals:
            process.send_signal(each)
        said = what_it_says(process, signals)
    told = f"{command} {signals} {process.returncode}\n{said}"
    is_killed = signal.SIGKILL in signals
    assert "Traceback" not in said or not OURS.search(said), told
    assert is_killed or process.returncode in {0, 1, 3, 130, -signal.SIGTERM, -signal.SIGINT}, told
    check_what_is_left(place, told, command[0], is_killed=is_killed)


def what_it_says(process: "subprocess.Popen[str]", signals: tuple[signal.Signals, ...]) -> str:
    """To its end. Python may lose a KeyboardInterrupt of its own start: then once more."""
    for _ in range(2):
        try:
            return process.communicate(timeout=PATIENCE_S)[0]
        except subprocess.TimeoutExpired:
            process.send_signal(signals[-1])
    process.kill()
    return f"It did not end.\nTraceback /stresser/\n{process.communicate()[0]}"


def check_what_is_left(place: Place, told: str, killed: str, *, is_killed: bool) -> None:
    folders = list(place.results.iterdir()) if place.results.exists() else []
    assert len(folders) <= 1, told
    for folder in folders:
        for command in (["show", str(folder), "--full"], ["report", str(folder), "--out", "-"]):
            said = stresser_says(*command)
            assert said.code in {0, 1, 2, 3}, (told, said)
            is_run = killed == "run" or not (folder / "manifest.json").exists()
            assert (said.code == 2) == (not is_run or not said.out), (told, said)
    if is_killed and killed == "report":
        return  # nobody was left to tidy up
    # The lab is a process of its own, and learns of the end by the end of its input.
    until(lambda: not any(place.scratch.iterdir()), f"an empty folder: {told}", PATIENCE_S)
    bundle = place.recorded.parent / "b.zip"
    if bundle.exists():
        assert stresser_says("verify", str(bundle)).code == 0, told
    if not is_killed:
        left = [one for top in (place.results, place.recorded.parent) for one in top.rglob("*.tmp")]
        assert left == [], told
