"""`stresser run` as a user runs it: a process, its exit code, its folder, its signals."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stresser.record.reader import open_run

ROOT = Path(__file__).parents[2]
STRESSER = [sys.executable, "-m", "stresser"]
PATIENCE_S = 30.0


def scenario_text(
    *,
    duration: str | None = "2s",
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
    """A `stresser run` in the background."""

    def __init__(self, folder: Path, text: str, *options: str, **environment: str) -> None:
        self.results = folder / "results"
        scenario = folder / "short.toml"
        scenario.write_text(text)
        self.process = subprocess.Popen(
            [*STRESSER, "run", str(scenario), "--out", str(self.results), *options],
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
        log = self.folder / "stresser.log"
        return log.read_text() if log.exists() else ""

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

    def finish(self) -> tuple[int, str, str]:
        out, err = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, out, err


@pytest.fixture
def start(tmp_path) -> Iterator[Callable[..., Run]]:
    runs: list[Run] = []

    def go(text: str, *options: str, **environment: str) -> Run:
        folder = tmp_path / str(len(runs))
        folder.mkdir()
        runs.append(Run(folder, text, *options, **environment))
        return runs[-1]

    yield go
    for run in runs:
        if run.process.poll() is None:
            os.killpg(run.process.pid, signal.SIGKILL)
        run.process.communicate()


def test_a_whole_run(start):
    run = start(scenario_text(thresholds='"drops{egress=direct}" = "= 0"\n"rtt.p99" = "< 5s"'))

    code, out, err = run.finish()

    assert code == 0, err
    assert "Verdict: pass" in out
    assert "TCP reset" in out
    names = {path.name for path in run.folder.iterdir()}
    assert {
        "manifest.json",
        "events.jsonl",
        "histograms.hlog",
        "summary.json",
        "stresser.log",
    } <= names
    assert open_run(run.folder).status == "complete"
    events = run.events()
    opened = [e["session"] for e in events if e["event"] == "session_opened"]
    ended = [e["session"] for e in events if e["event"] == "session_ended"]
    assert sorted(opened) == sorted(ended)
    assert len(set(ended)) == len(ended) >= 6
    drops = [e for e in events if e["event"] == "session_ended" and not e["planned"]]
    assert {("box", "tcp_reset")} == {(e["egress"], e["kind"]) for e in drops}


def test_show_prints_the_same_again(start):
    run = start(scenario_text())
    _, printed, _ = run.finish()

    shown = subprocess.run(
        [*STRESSER, "show", str(run.folder)], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert printed == shown.stdout


def test_json_is_the_summary(start):
    run = start(scenario_text(duration="1s"), "--json")

    _, out, err = run.finish()

    assert json.loads(out) == json.loads((run.folder / "summary.json").read_text())
    assert err == ""


@pytest.mark.parametrize(
    ("thresholds", "code"),
    [
        ('"drops{egress=box}" = "= 0"', 1),
        ('"rtt.p99{egress=direct}" = "< 1ns"', 1),
        ('"recovery.p50{egress=direct}" = "< 1h"', 3),
        ('"drops{egress=direct}" = "= 0"', 0),
    ],
)
def test_exit_code_is_the_verdict(start, thresholds, code):
    assert start(scenario_text(thresholds=thresholds)).finish()[0] == code


def test_no_session_at_all_is_inconclusive(start):
    text = scenario_text(duration="1s", endpoints='name = "echo"\nurl = "lab+wss://refuse/503"')

    assert start(text).finish()[0] == 3


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_first_signal_ends_as_planned(start, number):
    run = start(scenario_text(duration=None))
    run.wait_until_open(6)

    run.process.send_signal(number)
    code, out, _ = run.finish()

    assert code == 0
    assert f"signal {number.name}" in out
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
    assert "interrupted" in shown.stdout


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
    assert "crashed at" in shown.stdout
    assert shown.returncode == 3
    assert shown.stderr == ""


def test_a_folder_that_vanishes_stops_the_run_loudly(start):
    run = start(scenario_text(duration=None))
    run.wait_until_open(6)

    shutil.rmtree(run.folder)
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


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nmae = 'x'", 'did you mean "name"?'),
        ("name = 'x'\n[[endpoints]]\nname='a'\nurl='wss://h'\nca='no.pem'", "no.pem"),
        (("name = 'x'\n[[endpoints]]\nname='a'\nurl='wss://h'\n[[egresses]]\nname='v'\n"
         "interface='nosuch0'"), "nosuch0"),
        (("name = 'x'\n[[endpoints]]\nname='a'\nurl='wss://h'\n[[egresses]]\nname='v'\n"
         "source='192.0.2.77'"), "192.0.2.77"),
        ("name = 'x'\n[sessions]\ncount=60000\n[[endpoints]]\nname='a'\nurl='wss://h'",
         "sessions.count"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line_and_leaves_nothing(start, text, said):
    run = start(text)

    code, out, err = run.finish()

    assert (code, out) == (2, "")
    assert said in err
    assert "Traceback" not in err
    assert not run.results.exists()


def test_a_ca_file_that_is_none_is_bad_input(start, tmp_path):
    (tmp_path / "ca.pem").write_text("this is no certificate")
    endpoint = f'name = "a"\nurl = "wss://localhost:1"\nca = "{tmp_path / "ca.pem"}"'
    run = start(scenario_text(endpoints=endpoint))

    code, _, err = run.finish()

    assert code == 2
    assert "endpoints.a.ca" in err
    assert not run.results.exists()


SECRET = "c0rrect-h0rse-battery"  # noqa: S105 - a made-up one, to look for
WITH_SECRET = (
    'headers = { Authorization = "env:STRESSER_TEST_TOKEN" }'
)


def _everything_written(run: Run, out: str, err: str) -> bytes:
    files = [path.read_bytes() for path in run.results.rglob("*") if path.is_file()]
    return b"\0".join([*files, out.encode(), err.encode()])


def test_a_secret_reaches_no_file_and_no_screen(start):
    endpoint = f'name = "echo"\nurl = "lab+wss://echo"\n{WITH_SECRET}'
    run = start(scenario_text(endpoints=endpoint), STRESSER_TEST_TOKEN=SECRET)

    code, out, err = run.finish()

    assert code == 0, err
    assert SECRET.encode() not in _everything_written(run, out, err)
    manifest = json.loads((run.folder / "manifest.json").read_text())
    masked = manifest["scenario"]["endpoints"][0]["headers"]["Authorization"]
    assert masked == "env:STRESSER_TEST_TOKEN (masked)"


def test_a_secret_is_withheld_from_a_chain_that_does_not_verify(start):
    endpoint = f'name = "echo"\nurl = "lab+wss://self-signed"\n{WITH_SECRET}'
    run = start(scenario_text(duration="1s", endpoints=endpoint), STRESSER_TEST_TOKEN=SECRET)

    run.finish()

    failures = [e for e in run.events() if e["event"] == "attempt_failed" and not e["planned"]]
    direct = [e for e in failures if e["egress"] == "direct"]
    assert direct
    assert {("tls", "certificate", "secret_withheld")} == {
        (e["phase"], e["kind"], e["failure"]) for e in direct
    }


def test_a_secret_is_sent_when_the_scenario_says_so_in_so_many_words(start):
    endpoint = (
        f'name = "echo"\nurl = "lab+wss://self-signed"\n{WITH_SECRET}\n'
        "send_secrets_over_unverified_chain = true"
    )
    run = start(scenario_text(endpoints=endpoint), STRESSER_TEST_TOKEN=SECRET)

    run.finish()

    assert [e for e in run.events() if e["event"] == "session_opened"]


def test_a_missing_secret_is_bad_input(start):
    endpoint = f'name = "echo"\nurl = "lab+wss://echo"\n{WITH_SECRET}'
    run = start(scenario_text(endpoints=endpoint))

    code, _, err = run.finish()

    assert code == 2
    assert "STRESSER_TEST_TOKEN" in err
