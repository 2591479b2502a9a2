"""One run folder in every state, as a list shows it."""

import pytest

from stresser.model.verdict import Verdict
from stresser.record.folder import RunFolder
from stresser.record.manifest import Resumption, Status
from stresser.record.reader import RunStatus
from stresser.record.run_list import ListedRun, listed_run
from stresser.record.summary_file import write_summary
from tests.analysis.story import VPN, Story, gone_process, idle_kill_story, seconds, utc

NAME = "20261123T000000Z-made-up"


def recorded(tmp_path, **changes) -> ListedRun:
    idle_kill_story().recorded(tmp_path / NAME, **changes)
    write_summary(RunFolder(tmp_path / NAME), {"total": {"sessions": 40, "drops": 20}})
    return listed_run(tmp_path / NAME)


def test_a_complete_run(tmp_path):
    assert recorded(tmp_path, ended_utc=utc(seconds(60)), verdict=Verdict.FAIL) == ListedRun(
        name=NAME,
        scenario="made-up",
        status=RunStatus.COMPLETE,
        started_utc=utc(0),
        lasted_ns=seconds(60),
        sessions=40,
        drops=20,
        verdict=Verdict.FAIL,
    )


def test_a_crashed_run_lasted_to_its_last_sign_of_life(tmp_path):
    story = Story([VPN], 1)
    story.opens(VPN, 0)
    story.recorded(tmp_path / NAME, status=Status.RUNNING, histograms_until=60)
    found = listed_run(tmp_path / NAME)
    assert (found.status, found.verdict, found.drops) == ("crashed", None, None)
    assert found.lasted_ns is not None


def test_the_gaps_of_a_resumed_run_do_not_count(tmp_path):
    tries = [
        Resumption(
            t_ns=seconds(until), utc=utc(seconds(until)), since_ns=seconds(since), why="crashed",
            stresser="0.0.0", process=gone_process(),
        )
        for since, until in ((10, 20), (10, 25), (40, 45))
    ]  # fmt: skip
    found = recorded(tmp_path, ended_utc=utc(seconds(60)), resumptions=tries)
    assert found.lasted_ns == seconds(60 - 15 - 5)


def test_a_running_run_has_no_length_yet(tmp_path):
    found = recorded(tmp_path, status=Status.RUNNING, is_alive=True)
    assert (found.status, found.lasted_ns) == ("running", None)


@pytest.mark.parametrize("text", ["", "[]", '{"total": 7}', '{"total": {"drops": "many"}}'])
def test_a_damaged_summary_hides_its_figures_alone(tmp_path, text):
    recorded(tmp_path)
    (tmp_path / NAME / "summary.json").write_text(text)
    found = listed_run(tmp_path / NAME)
    assert (found.status, found.sessions, found.drops) == ("complete", None, None)


def test_a_damaged_manifest_leaves_the_status(tmp_path):
    recorded(tmp_path)
    (tmp_path / NAME / "manifest.json").write_text("{")
    found = listed_run(tmp_path / NAME)
    assert (found.status, found.started_utc) == ("complete", None)


def test_a_folder_with_no_run_in_it(tmp_path):
    (tmp_path / NAME).mkdir()
    assert listed_run(tmp_path / NAME) == ListedRun(name=NAME)


@pytest.mark.parametrize("ended", ["", "yesterday", "2026-11-23T00:01:00"])
def test_a_time_that_is_none_gives_no_length(tmp_path, ended):
    assert recorded(tmp_path, ended_utc=ended).lasted_ns is None
