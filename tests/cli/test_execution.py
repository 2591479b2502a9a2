"""How a run stops: signals, kill -9, a folder that vanishes, a full disk."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from stresser.model.errors import ExitCode
from stresser.model.verdict import Verdict
from stresser.record.reader import open_run
from tests.cli.run_process import PATIENCE_S, ROOT, STRESSER, scenario_text
from tests.fakes.small_disk import fill

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_first_signal_ends_as_planned(start, number):
    run = start(scenario_text(duration=None))
    run.wait_until_open(6)

    run.process.send_signal(number)
    code, _, _ = run.finish()

    assert code == 0
    assert f"signal {number.name}" in run.shown("--full")
    last = run.events()[-1]
    assert ("run_ended", f"signal {number.name}") == (last["event"], last["reason"])
    planned = [e for e in run.events() if e["event"] == "session_ended" and e["planned"]]
    assert planned
    assert {"answered"} == {e["evidence"]["close"] for e in planned}
    assert (run.folder / "summary.json").exists()


def test_stop_does_not_wait_longer_than_the_close_timeout(start):
    """A deaf endpoint never answers the close frame."""
    text = scenario_text(duration=None, endpoints='name = "echo"\nurl = "lab+wss://deaf/100ms"')
    text = text.replace('timeout = "2s"', 'timeout = "1h"').replace(
        "[activity]", '[timeouts]\nclose = "1s"\n[activity]'
    )
    run = start(text)
    run.wait_until_open(3)

    started = time.monotonic()
    run.process.send_signal(signal.SIGINT)
    run.finish()

    assert time.monotonic() - started < 10
    planned = [
        e
        for e in run.events()
        if e["event"] == "session_ended" and e["planned"] and e["egress"] == "direct"
    ]
    assert {"unanswered"} == {e["evidence"]["close"] for e in planned}


def test_second_signal_stops_at_once(start):
    text = scenario_text(duration=None, endpoints='name = "echo"\nurl = "lab+wss://deaf/100ms"')
    text = text.replace('timeout = "2s"', 'timeout = "1h"').replace(
        "[activity]", '[timeouts]\nclose = "60s"\n[activity]'
    )
    run = start(text)
    run.wait_until_open(3)

    run.process.send_signal(signal.SIGINT)
    run.wait_for(lambda: "stopping: signal SIGINT" in run.log())
    run.process.send_signal(signal.SIGINT)
    code, _, _ = run.finish()

    assert code == 130
    recorded = open_run(run.folder)
    assert recorded.status == "interrupted"
    assert [e for e in recorded.events() if type(e).__name__ == "SessionOpened"]
    shown = subprocess.run(
        [*STRESSER, "show", str(run.folder)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert "interrupted" in " ".join(shown.stdout.split())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("moment", ["run_ended", '"status": "complete"', "summary.json"])
def test_a_first_signal_after_the_last_event_changes_nothing(start, number, moment):
    """From `run_ended` on the run is being summed up; the process still works for a while."""
    run = start(scenario_text(duration="300ms"), "--quiet")

    def has_come() -> bool:
        if not run.results.exists() or not list(run.results.iterdir()):
            return False
        return any(
            moment in file.name or (file.suffix in {".json", ".jsonl"} and moment in read(file))
            for file in run.folder.iterdir()
        )

    wait_or_end(run, has_come)
    run.process.send_signal(number)
    code, out, err = run.finish()

    assert code == verdict_of(run.folder).exit_code
    assert "Verdict" in out or "verdict" in out
    assert "Traceback" not in err
    assert run.events()[-1]["reason"] == "duration"


def verdict_of(folder: Path) -> Verdict:
    """As its summary has it: on a busy machine few sessions open within the run."""
    return Verdict((open_run(folder).summary() or {})["verdict"])


def read(file: Path) -> str:
    """A file that may be replaced just now."""
    try:
        return file.read_text()
    except FileNotFoundError:
        return ""


def wait_or_end(run, condition):
    """Until it is so, or the process was faster: a signal to it is then sent to nobody."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition() and run.process.poll() is None:
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.001)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize(
    ("redirected", "lost"),
    [
        (">/dev/full", True),
        (">/dev/full 2>/dev/full", True),
        ("2>/dev/full", False),
        ("<&- 2>&-", False),
    ],
)
@pytest.mark.parametrize("options", [[], ["--json"]])
def test_streams_that_take_nothing_leave_the_folder_whole(tmp_path, redirected, lost, options):
    scenario = tmp_path / "short.toml"
    scenario.write_text(scenario_text(duration="300ms"))
    results = tmp_path / "results"
    words = [*STRESSER, "run", str(scenario), "--out", str(results), *options]
    done = subprocess.run(
        ["/bin/sh", "-c", f'exec "$@" {redirected}', "sh", *words],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert "Traceback" not in done.stderr
    told = [line for line in done.stderr.splitlines() if "output cannot be written" in line]
    assert len(told) == (redirected == ">/dev/full")
    [folder] = results.iterdir()
    recorded = open_run(folder)
    assert recorded.status == "complete"
    assert recorded.damage == []
    assert done.returncode == (ExitCode.INCONCLUSIVE if lost else verdict_of(folder).exit_code)


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="no SIGHUP on this system")
def test_a_closed_terminal_does_not_end_the_run(start):
    run = start(scenario_text(duration=None))
    run.wait_until_open(6)

    run.process.send_signal(signal.SIGHUP)
    run.wait_for(lambda: "SIGHUP" in run.log())
    before = len(run.events())
    run.wait_for(lambda: len(run.events()) > before)
    run.process.send_signal(signal.SIGTERM)

    assert run.finish()[0] == 0


def test_kill_9_leaves_a_folder_that_reads(start):
    run = start(scenario_text(duration=None))
    run.wait_until_open(6)

    run.process.kill()
    run.process.communicate()

    shown = subprocess.run(
        [*STRESSER, "show", str(run.folder)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert "crashed at" in " ".join(shown.stdout.split())
    assert shown.returncode == 3
    assert shown.stderr == ""


def test_a_folder_that_vanishes_stops_the_run_loudly(start):
    run = start(scenario_text(duration=None))
    run.wait_until_open(6)

    # In one step: a tree that is deleted name by name still takes what the run writes meanwhile.
    run.folder.rename(run.folder.parent.parent / "gone")
    code, _, err = run.finish()

    assert code == 3
    assert "recording stopped at" in err
    assert "Traceback" not in err


def test_the_lab_does_not_outlive_a_killed_run(start):
    run = start(scenario_text(duration=None))
    run.wait_until_open(6)
    lists = Path(f"/proc/{run.process.pid}/task").glob("*/children")
    children = [int(pid) for listed in lists for pid in listed.read_text().split()]
    if not children:
        pytest.skip("this kernel lists no children")
    lab = children[0]

    run.process.kill()
    run.process.communicate()

    deadline = time.monotonic() + PATIENCE_S
    while Path(f"/proc/{lab}/stat").exists():
        stat = Path(f"/proc/{lab}/stat").read_text()
        if stat.rpartition(")")[2].split()[0] == "Z":
            break
        assert time.monotonic() < deadline, "the lab outlived its run"
        time.sleep(0.01)


@pytest.mark.skipif(sys.platform == "win32", reason="nothing is mounted on Windows")
def test_a_full_disk_stops_the_run_loudly(start, small_disk):
    run = start(scenario_text(duration=None), "--out", str(small_disk / "results"))
    run.results = small_disk / "results"
    run.wait_until_open(6)
    fill(small_disk)
    code, _, err = run.finish()
    shown = subprocess.run(
        [*STRESSER, "show", str(run.folder), "--full"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert code == 3
    assert "Traceback" not in err
    # Lines are broken where they end, which depends on the figures in them.
    told, shown_words = " ".join(err.split()), " ".join(shown.stdout.split())
    assert "No space left on device" in told
    assert "events and" in told, "the gap is stated"
    assert "No space left on device" in shown_words
    assert shown.returncode == 3


SUMMING_UP = """
import signal, sys

times = int(sys.argv.pop())

def stop(event, arguments):
    global times
    if event == "open" and ".summary.json." in str(arguments[0]):
        while times:
            times -= 1
            signal.raise_signal(signal.SIGINT)

import stresser.__main__ as entry
sys.addaudithook(stop)
entry.main()
"""


@pytest.mark.parametrize(("times", "codes"), [(1, {0, 3}), (2, {130})])
def test_a_stop_amid_the_summing_up_leaves_a_run_that_is_readable(tmp_path, times, codes):
    (tmp_path / "short.toml").write_text(scenario_text(duration="500ms", count=1))
    results = ["--out", str(tmp_path / "results")]
    words = ["run", str(tmp_path / "short.toml"), *results, "--quiet", str(times)]
    done = subprocess.run(
        [sys.executable, "-c", SUMMING_UP, *words], capture_output=True, text=True, check=False
    )
    assert done.returncode in codes, done.stderr
    assert ("stopped by force" in done.stderr) is (times > 1)
    assert "Traceback" not in done.stderr
    shown = subprocess.run(
        [*STRESSER, "show", "last", "--results", results[1]], capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert shown.returncode in {0, 3}, shown.stderr  # 3: a busy machine made stresser late
    assert "complete" in shown.stdout
