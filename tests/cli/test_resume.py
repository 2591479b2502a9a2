"""`stresser run --resume`, as a user and as kill -9 do it."""

import random
import shutil
import signal
import subprocess
import sys
from collections import Counter

import pytest

from stresser.analysis.summary.summary import summarise
from stresser.model.events import (
    AttemptFailed,
    ReflectionOpened,
    RunResumed,
    SessionEnded,
    SessionOpened,
)
from stresser.record.reader import RunStatus, open_run
from tests.cli.run_process import PATIENCE_S, Run, scenario_text

pytestmark = [
    pytest.mark.slow,  # whole commands
    pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL on Windows"),
]
TEXT = scenario_text(duration=None, count=6)
ENDED = {0, 3}
"""A busy machine may leave a run without a verdict."""


def written(folder):
    """What is surely written: the whole lines."""
    return (folder / "events.jsonl").read_bytes().rpartition(b"\n")[0].splitlines()


def wait_for_lines(run, folder, number):
    run.wait_for(lambda: len(written(folder)) >= number)


def killed(run):
    run.process.kill()
    run.process.communicate(timeout=PATIENCE_S)


def check_nothing_is_lost_and_no_session_counts_twice(folder, before):
    """`before`: the lines that were there at each kill."""
    now = written(folder)
    for lines in before:
        assert now[: len(lines)] == lines
    run = open_run(folder)
    events = list(run.events())
    assert run.damage == []
    opened = [event.session for event in events if isinstance(event, SessionOpened)]
    ended = [event.session for event in events if isinstance(event, SessionEnded)]
    assert len(set(opened)) == len(opened)
    assert len(set(ended)) == len(ended)
    assert set(ended) <= set(opened)
    attempts = Counter(
        event.attempt for event in events if isinstance(event, SessionOpened | AttemptFailed)
    )
    assert set(attempts.values()) <= {1}
    assert not any(isinstance(event, ReflectionOpened) for event in events)
    at = [event.t_ns for event in events if isinstance(event, RunResumed)]
    assert at == sorted(at)
    total = summarise(run).total
    assert total.sessions == len(opened)
    by_end = total.drops + total.planned + total.ended_by_host + total.ended_by_tool
    assert by_end == len(ended)
    assert total.cut_off == len(opened) - len(ended)


def kill_and_resume(tmp_path, rounds, seed):
    draw = random.Random(seed)  # noqa: S311 - a fixed seed, no secret
    run, before = Run(tmp_path, TEXT), []
    run.wait_until_open(1)
    folder = run.folder
    for number in range(rounds):
        if number % 3 < 2:
            wait_for_lines(run, folder, len(written(folder)) + draw.randrange(40))
        else:  # wherever it is: importing, mending, going on
            with pytest.raises(subprocess.TimeoutExpired):
                run.process.wait(draw.uniform(0.0, 2.0))
        killed(run)
        before.append(written(folder))
        run = Run(tmp_path, TEXT, "--resume", folder.name)
    wait_for_lines(run, folder, len(before[-1]) + 12)
    run.process.send_signal(signal.SIGINT)
    code, _, errors = run.finish()
    assert code in ENDED, errors
    assert open_run(folder).status is RunStatus.COMPLETE
    assert list(tmp_path.joinpath("results").iterdir()) == [folder]
    check_nothing_is_lost_and_no_session_counts_twice(folder, before)


@pytest.mark.slow
def test_a_run_that_is_killed_and_resumed_loses_nothing(tmp_path):
    kill_and_resume(tmp_path, 3, seed=1)


@pytest.mark.scale
def test_a_run_that_is_killed_and_resumed_thirty_times_loses_nothing(tmp_path):
    kill_and_resume(tmp_path, 30, seed=2)


def test_a_stopped_run_goes_on_for_what_is_left_of_its_duration(tmp_path):
    text = scenario_text(duration="6s", count=2)
    first = Run(tmp_path, text)
    first.wait_until_open(1)
    first.process.send_signal(signal.SIGINT)
    first.finish()
    folder = first.folder
    ran = summarise(open_run(folder)).elapsed_ns
    assert ran < 6e9
    second = Run(tmp_path, text, "--resume", "last")
    code, out, errors = second.finish()
    assert code in ENDED, errors
    assert "in 2 parts" in out
    assert "resumed after" in errors
    summary = summarise(open_run(folder))
    assert summary.end_reason == "duration"
    assert summary.elapsed_ns >= 5.99e9
    assert summary.gaps_ns > 0
    third = Run(tmp_path, text, "--resume", "last")
    assert third.finish()[0] == 2
    refused(tmp_path, text, "nothing is left", "--resume", "last")
    other = scenario_text(duration="6s", count=3)
    refused(tmp_path, other, "ran another scenario: sessions.count differs", "--resume", "last")


def refused(tmp_path, text, words, *options):
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    code, out, errors = Run(tmp_path, text, *options).finish()
    assert (code, out) == (2, ""), errors
    assert words in errors
    assert len(errors.splitlines()) == 1
    after = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert after.keys() == before.keys()
    assert {p for p in after if after[p] != before[p]} <= {tmp_path / "short.toml"}


def test_what_cannot_go_on_is_refused_in_one_line(tmp_path):
    run = Run(tmp_path, TEXT)
    run.wait_until_open(2)
    again = Run(tmp_path, TEXT, "--resume", "last")
    code, out, errors = again.finish()
    assert (code, out) == (2, "")
    assert "still goes on" in errors
    killed(run)
    refused(tmp_path, TEXT, "names a new folder", "--resume", "last", "--label", "x")
    refused(tmp_path, TEXT, "is a bundle", "--resume", "evidence.zip")
    refused(tmp_path, TEXT, "there is no such run", "--resume", "nothing")
    shutil.rmtree(run.folder)


def test_auto_begins_a_run_and_goes_on_with_it(tmp_path):
    first = Run(tmp_path, TEXT, "--resume", "auto")
    first.wait_until_open(2)
    folder = first.folder
    refused_while_it_runs = Run(tmp_path, TEXT, "--resume", "auto")
    assert refused_while_it_runs.finish()[0] == 2
    killed(first)
    before = len(written(folder))
    second = Run(tmp_path, TEXT, "--resume", "auto")
    # Its first word is older than its obedience to signals.
    second.wait_for(lambda: any(b'"session_opened"' in line for line in written(folder)[before:]))
    second.process.send_signal(signal.SIGHUP)
    second.wait_for(lambda: "SIGHUP" in second.log())
    second.process.send_signal(signal.SIGTERM)
    assert second.finish()[0] in ENDED
    assert [path.name for path in second.results.iterdir()] == [folder.name]
    other = Run(tmp_path, scenario_text(count=1), "--resume", "auto")
    code, _, errors = other.finish()
    assert code in ENDED
    assert "a new run begins, for there is none to go on with" in errors
    assert len(list(other.results.iterdir())) == 2
