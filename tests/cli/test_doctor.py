"""`stresser doctor` as a user calls it."""

import json
import sys

import pytest

from tests.cli.in_process import stresser_says


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
