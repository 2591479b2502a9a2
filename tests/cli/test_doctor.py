"""`stresser doctor` as a user calls it."""

import json
import subprocess
import sys

import pytest

from tests.cli.run_process import ROOT, STRESSER


def asked(*options):
    return subprocess.run(
        [*STRESSER, "doctor", *options], cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_it_tells_and_has_no_complaint():
    said = asked()
    assert (said.returncode, said.stderr) == (0, "")
    for title in ("Witnesses", "Limits", "What decides when a death is noticed"):
        assert title in said.stdout


def test_json_is_one_document():
    said = asked("--json")
    assert said.returncode == 0
    found = json.loads(said.stdout)
    assert {"witnesses", "limits", "timings"} <= set(found)
    assert f"({sys.executable})" in found["python"]


def test_an_option_it_does_not_know_is_bad_input():
    said = asked("--heal")
    assert said.returncode == 2
    assert "--heal" in said.stderr
    assert "Traceback" not in said.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="the manifest of a Linux run")
def test_a_manifest_has_the_same_witnesses(start):
    found = json.loads(asked("--json").stdout)
    run = start(
        'name = "s"\nduration = "300ms"\n[sessions]\ncount = 1\n'
        '[[endpoints]]\nname = "echo"\nurl = "lab+wss://echo"\n'
    )
    run.finish()
    manifest = json.loads((run.folder / "manifest.json").read_text())
    assert manifest["capabilities"] == {one["name"]: one["available"] for one in found["witnesses"]}
