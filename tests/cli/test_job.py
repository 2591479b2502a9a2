"""What `stresser run` prints at its end, and its exit code."""

import json
import subprocess

import pytest

from tests.cli.run_process import ROOT, STRESSER, scenario_text

pytestmark = pytest.mark.slow


def test_json_is_the_summary(start):
    run = start(scenario_text(duration="1s"), "--json")

    _, out, err = run.finish()

    assert json.loads(out) == json.loads((run.folder / "summary.json").read_text())
    assert err == ""


def test_show_prints_the_same_again(start):
    run = start(scenario_text())
    _, printed, _ = run.finish()

    shown = subprocess.run(
        [*STRESSER, "show", str(run.folder)], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert printed == shown.stdout


@pytest.mark.parametrize(
    ("thresholds", "code"),
    [
        ('"drops{egress=box}" = "= 0"', 1),
        ('"recovery.p50{egress=direct}" = "< 1h"', 3),
    ],
)
def test_exit_code_is_the_verdict(start, thresholds, code):
    assert start(scenario_text(thresholds=thresholds)).finish()[0] == code


def test_no_session_at_all_is_inconclusive(start):
    text = scenario_text(duration="1s", endpoints='name = "echo"\nurl = "lab+wss://refuse/503"')

    assert start(text).finish()[0] == 3
