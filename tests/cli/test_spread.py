"""Whole runs that several processes hold: one folder, one summary, whatever ends them."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from stresser.analysis.summary.summary import summarise
from stresser.model.ending import Initiator, Kind, NoDrop
from stresser.model.events import RunEnded, RunResumed, SessionEnded, SessionOpened, WorkerEnded
from stresser.record.folder import RunFolder
from stresser.record.process_record import ProcessRecord
from stresser.record.reader import RunStatus, open_run
from tests.cli.run_process import ROOT, STRESSER, Run
from tests.cli.worker_runs import (
    check_complete,
    check_samples,
    checked_whole,
    is_gone,
    log_of,
    pids_of,
    wait_until_all_open,
    wait_until_gone,
    workers_text,
)
from tests.fakes.small_disk import fill

pytestmark = [
    pytest.mark.slow,  # whole commands
    pytest.mark.skipif(sys.platform == "win32", reason="on Windows one process holds all"),
]
ENDED = {0, 3}
"""A busy machine may leave a run without a verdict."""


def test_two_workers_are_one_run(start):
    run = start(workers_text(2, duration="3s", count=5))
    pids = pids_of(run)
    code, out, errors = run.finish()

    assert code in ENDED, errors
    assert "box" in out
    recorded = checked_whole(run.folder)
    assert recorded.status is RunStatus.COMPLETE
    assert recorded.manifest is not None
    assert recorded.manifest.workers == 2
    for worker in (1, 2):
        check_complete(run.folder, worker)
        own = ProcessRecord(RunFolder(run.folder).worker(worker), worker).workers_events()
        sessions = [event.session for event in own if isinstance(event, SessionOpened)]
        assert len(sessions) >= 5
        assert {number % 2 for number in sessions} == {worker % 2}
    assert not [e for e in run.events() if e["event"].startswith("session_")]
    assert [e["event"] for e in run.events()][:: len(run.events()) - 1] == [
        "run_started", "run_ended"
    ]  # fmt: skip
    summary = summarise(recorded)
    opened = [event for event in recorded.events() if isinstance(event, SessionOpened)]
    assert summary.total.sessions == len(opened) >= 10
    last = errors.splitlines()[-1]  # the live view heard of all of them
    assert f"attempts={len(opened)}" in last
    assert f"drops={summary.total.drops} " in last
    assert all(is_gone(pid) for pid in pids)


def test_a_run_of_one_process_is_as_it_was(tmp_path):
    scenario = tmp_path / "one.toml"
    scenario.write_text(workers_text(1, duration="300ms"))
    words = ["run", str(scenario), "--out", str(tmp_path / "results"), "--quiet"]
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "stresser", *words],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode in ENDED
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "stresser.run.runner" in loaded
    assert not loaded & {"stresser.cli.spread", "stresser.run.workers", "stresser.run.worker"}
    [folder] = (tmp_path / "results").iterdir()
    assert not (folder / "workers").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_ends_all_as_planned(start, number):
    run = start(workers_text(3, duration=None))
    wait_until_all_open(run, 3, 2)
    pids = pids_of(run)
    for pid in pids:  # signals to all of a service: the run's process says what is to be done
        os.kill(pid, number)

    run.process.send_signal(number)
    code, _, errors = run.finish()

    assert code in ENDED, errors
    events = list(checked_whole(run.folder).events())
    assert isinstance(events[-1], RunEnded)
    assert events[-1].reason == f"signal {number.name}"
    planned = [e for e in events if isinstance(e, SessionEnded) and e.ending.planned]
    assert {event.ending.evidence.close for event in planned} == {"answered"}
    opened = {event.session for event in events if isinstance(event, SessionOpened)}
    assert opened == {event.session for event in events if isinstance(event, SessionEnded)}
    for worker in (1, 2, 3):
        check_complete(run.folder, worker)
    assert all(is_gone(pid) for pid in pids)


def deaf_text() -> str:
    text = workers_text(2, duration=None, endpoints='name = "echo"\nurl = "lab+wss://deaf/100ms"')
    return text.replace('timeout = "2s"', 'timeout = "1h"').replace(
        "[activity]", '[timeouts]\nclose = "60s"\n[activity]'
    )


def test_a_second_signal_stops_all_at_once(start):
    run = start(deaf_text())
    wait_until_all_open(run, 2, 1)
    pids = pids_of(run)

    run.process.send_signal(signal.SIGINT)
    run.wait_for(lambda: "stopping: signal SIGINT" in run.log())
    run.process.send_signal(signal.SIGINT)
    code, _, _ = run.finish()

    assert code == 130
    assert all(is_gone(pid) for pid in pids)
    recorded = checked_whole(run.folder)
    assert recorded.status is RunStatus.INTERRUPTED
    assert isinstance(list(recorded.events())[-1], RunEnded)


def test_a_worker_that_is_killed_is_reported_and_the_others_go_on(start):
    run = start(workers_text(3, duration=None, count=6))
    wait_until_all_open(run, 3, 4)
    pids = pids_of(run)

    before = time.time_ns()
    os.kill(pids[1], signal.SIGKILL)
    run.wait_for(lambda: any(e["event"] == "worker_ended" for e in run.events()))
    after = time.time_ns()
    had = len(run_events(run))
    run.wait_for(lambda: len(run_events(run)) > had + 5)
    run.process.send_signal(signal.SIGINT)
    code, _, errors = run.finish()

    assert code == 3, errors  # endings through stresser itself leave it in doubt
    assert "killed by SIGKILL" in errors
    recorded = checked_whole(run.folder)
    assert recorded.status is RunStatus.COMPLETE
    events = list(recorded.events())
    [died] = [event for event in events if isinstance(event, WorkerEnded)]
    lost = [e for e in events if isinstance(e, SessionEnded) and e.ending.kind is Kind.TOOL]
    assert (died.worker, died.workers, died.how) == (2, 3, "killed by SIGKILL")
    assert died.sessions == len(lost) >= 1
    assert {event.ending.initiator for event in lost} == {Initiator.TOOL}
    assert {event.ending.no_drop for event in lost} == {NoDrop.TOOL}
    assert not any(event.ending.is_drop for event in lost)
    anchor = recorded.anchor_unix_ns or 0
    for event in lost:
        assert anchor + event.ending.alive_at_ns <= after
        assert before <= anchor + event.ending.dead_by_ns <= after
        assert event.ending.alive_at_ns <= event.ending.dead_by_ns
    opened = {event.session for event in events if isinstance(event, SessionOpened)}
    assert opened == {event.session for event in events if isinstance(event, SessionEnded)}
    for worker in (1, 3):
        check_complete(run.folder, worker)
    assert all(is_gone(pid) for pid in pids)
    assert "Worker 2 of 3 died (killed by SIGKILL)" in " ".join(run.shown("--full").split())


def run_events(run):
    return list(open_run(run.folder).events())


def test_when_every_worker_is_killed_the_run_ends(start):
    run = start(workers_text(2, duration=None))
    wait_until_all_open(run, 2, 1)
    for pid in pids_of(run):
        os.kill(pid, signal.SIGKILL)
    code, _, errors = run.finish()
    assert code == 3, errors
    events = list(checked_whole(run.folder).events())
    assert [e.worker for e in events if isinstance(e, WorkerEnded)] in ([1, 2], [2, 1])
    assert isinstance(events[-1], RunEnded)
    assert events[-1].reason == "every worker has died"


def test_workers_do_not_outlive_a_killed_run_and_their_files_are_whole(start, tmp_path):
    text = workers_text(2, duration=None, count=6)
    run = start(text)
    wait_until_all_open(run, 2, 4)
    pids = pids_of(run)
    held = {pid: number for number, pid in enumerate(pids, 1)}

    run.process.kill()
    run.process.communicate()

    wait_until_gone(list(held))
    recorded = checked_whole(run.folder)
    assert recorded.status is RunStatus.CRASHED
    for worker in held.values():
        check_samples(run.folder, worker)
        own = list(ProcessRecord(RunFolder(run.folder).worker(worker), worker).events())
        assert isinstance(own[-1], RunEnded)
        assert own[-1].reason == "the run's process is gone"
        # The lab goes, too: what it does to sessions then is nobody's drop.
        ended = [event for event in own if isinstance(event, SessionEnded)]
        assert {event.egress for event in ended} <= {"box"}


def test_a_killed_run_goes_on_with_numbers_of_its_own(start, tmp_path):
    text = workers_text(3, duration=None, count=6)
    first = start(text)
    wait_until_all_open(first, 3, 4)
    first.process.kill()
    first.process.communicate()

    # At once: workers may be at their last words still.
    second = Run(first.results.parent, text, "--resume", "last")
    second.wait_for(lambda: any(e["event"] == "run_resumed" for e in second.events()))
    known = len(run_events(second))
    second.wait_for(lambda: len(run_events(second)) > known + 40)
    second.process.send_signal(signal.SIGINT)
    code, out, errors = second.finish()

    assert code in ENDED, errors
    assert "in 2 parts" in out
    events = list(checked_whole(first.folder).events())
    [resumed] = [event for event in events if isinstance(event, RunResumed)]
    before = [e for e in events if isinstance(e, SessionOpened) and e.t_ns < resumed.t_ns]
    after = [e for e in events if isinstance(e, SessionOpened) and e.t_ns > resumed.t_ns]
    assert max(e.session for e in before) < min(e.session for e in after)
    assert max(e.attempt for e in before) < min(e.attempt for e in after)
    assert list(first.results.iterdir()) == [first.folder]


def served(run):
    """The figures that the run serves, by series; none before it does."""
    lines = (json.loads(line) for line in log_of(run).splitlines())
    urls = [line["url"] for line in lines if "url" in line]
    if not urls:
        return {}
    with urllib.request.urlopen(urls[0]) as answer:  # noqa: S310 - our own, on loopback
        text = answer.read().decode()
    lines = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in lines}


def test_metrics_count_what_workers_measure(start):
    run = start(workers_text(2, duration=None, count=4), "--metrics", "127.0.0.1:0")
    direct = 'activity="heartbeat",egress="direct",endpoint="echo"'
    run.wait_for(lambda: served(run).get(f"stresser_sessions_open{{{direct}}}") == 4)
    run.wait_for(lambda: served(run).get(f"stresser_rtt_seconds_count{{{direct}}}", 0) > 8)
    run.process.send_signal(signal.SIGINT)
    assert run.finish()[0] in ENDED


def test_both_ends_judge_what_workers_held(start):
    text = workers_text(2, duration=None, endpoints='name = "echo"\nurl = "lab+wss://reflect"')
    run = start(text)
    wait_until_all_open(run, 2, 4)
    run.process.send_signal(signal.SIGINT)
    code, _, errors = run.finish()
    assert code in ENDED, errors
    folder = RunFolder(run.folder)
    assert not folder.far_ends.exists()
    numbers: list[int] = []
    for worker in (1, 2):
        lines = folder.worker(worker).far_ends.read_bytes().splitlines()
        sessions = {json.loads(line)["session"] for line in lines}
        assert {number % 2 for number in sessions} == {worker % 2}  # of its own sessions alone
        numbers += sessions
    ended = [e for e in run_events(run) if isinstance(e, SessionEnded) and e.session in numbers]
    assert len(ended) >= 6
    assert all(event.ending.evidence.far_end is not None for event in ended)


def test_secrets_reach_the_endpoint_and_nothing_that_stays(start):
    text = workers_text(
        2,
        duration=None,
        endpoints='name = "echo"\nurl = "lab+wss://echo"\nheaders = { "X-Key" = "env:MY_KEY" }',
    )
    run = start(text, MY_KEY="not-to-be-seen")
    wait_until_all_open(run, 2, 2)
    for pid in pids_of(run):
        for file in ("environ", "cmdline"):
            assert b"not-to-be-seen" not in Path(f"/proc/{pid}/{file}").read_bytes()
    run.process.send_signal(signal.SIGINT)
    assert run.finish()[0] in ENDED
    for path in run.folder.rglob("*"):
        assert path.is_dir() or b"not-to-be-seen" not in path.read_bytes(), path


def test_a_full_disk_stops_all_of_them_loudly(start, small_disk):
    run = start(workers_text(2, duration=None), "--out", str(small_disk / "results"))
    run.results = small_disk / "results"
    wait_until_all_open(run, 2, 2)
    pids = pids_of(run)
    fill(small_disk)
    code, _, errors = run.finish()
    manifest = open_run(run.folder).manifest

    assert code == 3, errors
    assert "Traceback" not in errors
    assert "No space left on device" in errors
    assert manifest is not None
    assert manifest.gap is not None
    assert manifest.gap.events > 0
    assert all(is_gone(pid) for pid in pids)


def test_fail_fast_sees_what_workers_lack(start):
    text = workers_text(
        2, duration=None, endpoints='name = "echo"\nurl = "wss://127.0.0.1:9/nobody"'
    )
    text = text.replace('lab = { age_limit = "700ms", kill = "reset" }', "")
    run = start(text, "--fail-fast")
    code, _, errors = run.finish()
    assert code == 3, errors
    assert "--fail-fast" in (run.folder / "manifest.json").read_text()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            workers_text(2).replace("[activity]", '[activity]\nkind = "idle_search"'),
            "sessions.workers: idle_search is the work of one process",
        ),
        (
            workers_text(3).replace("[sessions]", "[sessions]\nhandshakes_in_flight = 2"),
            "sessions.workers: 3 workers have no handshake in flight each",
        ),
        (workers_text(65), "sessions.workers: 65 is not between 1 and 64"),
        (workers_text("many"), 'sessions.workers: must be a whole number or "auto", not "many"'),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(tmp_path, text, words):
    (tmp_path / "s.toml").write_text(text)
    done = subprocess.run(
        [*STRESSER, "run", str(tmp_path / "s.toml"), "--out", str(tmp_path / "results")],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "results").exists()
