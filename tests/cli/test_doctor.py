"""`stresser doctor` as a user calls it."""

import json
import sys

import pytest

from stresser.record.limits_file import keep_limits
from tests.cli.in_process import stresser_says
from tests.model.test_measured_limits import LIMITS


def test_it_tells_and_has_no_complaint():
    code, out, err = stresser_says("doctor")
    assert (code, err) == (0, "")
    for title in ("Witnesses", "Limits", "What decides when a lost connection is noticed"):
        assert title in out.decode()


def test_json_is_one_document():
    code, out, _ = stresser_says("doctor", "--json")
    assert code == 0
    found = json.loads(out)
    assert {"witnesses", "limits", "timings"} <= set(found)
    assert f"({sys.executable})" in found["python"]


def test_an_option_it_does_not_know_is_bad_input():
    code, _, err = stresser_says("doctor", "--heal")
    assert code == 2
    assert "--heal" in err


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the manifest of a Linux run")
def test_a_manifest_has_the_same_witnesses(start):
    found = json.loads(stresser_says("doctor", "--json").out)
    run = start(
        'name = "s"\nduration = "300ms"\n[sessions]\ncount = 1\n'
        '[[endpoints]]\nname = "echo"\nurl = "lab+wss://echo"\n'
    )
    run.finish()
    manifest = json.loads((run.folder / "manifest.json").read_text())
    assert manifest["capabilities"] == {one["name"]: one["available"] for one in found["witnesses"]}


def test_how_far_a_scenario_is_from_what_was_measured_before(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    keep_limits(LIMITS)
    code, out, err = stresser_says("doctor", "quickstart", "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert found["scenario"] == "quickstart"
    assert found["measured"]["bytes_a_session"] == LIMITS.bytes_a_session
    assert {one["name"]: one["asked"] for one in found["distances"]}["sessions"] == 40


def test_a_scenario_beside_nothing_measured_is_one_line():
    code, out, err = stresser_says("doctor", "quickstart")
    assert (code, out) == (2, b"")
    assert err == "quickstart: nothing was measured here yet; add --measure\n"


def test_a_scenario_with_a_mistake_is_not_measured_first():
    code, _, err = stresser_says("doctor", "quikstart", "--measure")
    assert code == 2
    assert "quickstart" in err


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_what_is_measured_is_kept_and_stands_in_the_next_run(tmp_path, start):
    state = str(tmp_path)
    code, out, err = stresser_says("doctor", "--measure", "--json", XDG_STATE_HOME=state)
    assert code == 0, err
    assert f"kept in {tmp_path / 'stresser' / 'limits.json'}" in err
    measured = json.loads(out)["measured"]
    run = start(
        'name = "s"\nduration = "300ms"\n[sessions]\ncount = 1\n'
        '[[endpoints]]\nname = "echo"\nurl = "lab+wss://echo"\n',
        XDG_STATE_HOME=state,
    )
    run.finish()
    assert json.loads((run.folder / "manifest.json").read_text())["measured"] == measured
    summary = json.loads((run.folder / "summary.json").read_text())
    assert summary["near_limits"] == []
