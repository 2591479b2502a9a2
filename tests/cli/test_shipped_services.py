"""The scenarios of services that are spoken to, run as they are: the box is named, no one else."""

import json
import subprocess

import pytest

from tests.cli.run_process import ROOT, STRESSER

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("name", "spoken"), [("signalr", "calls"), ("azure-relay-like", "messages")]
)
def test_the_middlebox_is_named_and_what_speaks_lives(tmp_path, name, spoken):
    subprocess.run(
        [*STRESSER, "run", name, "--quiet", "--out", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        check=False,
        timeout=110,
    )
    [folder] = tmp_path.iterdir()
    events = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    drops = [one for one in events if one.get("is_drop")]
    assert drops
    assert {one["egress"] for one in drops} == {"middlebox"}
    assert spoken not in {one["activity"] for one in drops}
    for found in json.loads((folder / "summary.json").read_text())["diagnoses"]:
        assert (found["mechanism"], found["scope"]["egress"]) == ("idle_timer", "middlebox")
        assert (found["where"], found["ask"]["whom"]) == ("egress", "network_team")
