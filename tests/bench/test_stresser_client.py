import subprocess
import tomllib
from dataclasses import replace

import pytest

from bench.client import Job
from bench.peer import BenchError
from bench.soak import scenario_text as soak_scenario_text
from bench.stresser_client import (
    blind_command,
    in_tree,
    run_command,
    scenario_text,
    stresser_command,
    workers_command,
)
from stresser.scenario.decode import decode_scenario


def job(folder, **changes):
    one = Job(
        folder=folder,
        port=9443,
        ca=folder / "ca.pem",
        addresses=["127.0.0.1", "127.0.0.2"],
        sessions=500,
        every_s=0.125,
    )
    return replace(one, **changes)


def test_sessions_are_spread_over_the_addresses(tmp_path):
    scenario = tomllib.loads(scenario_text(job(tmp_path)))
    assert scenario["sessions"]["count"] == 250
    assert [e["url"] for e in scenario["endpoints"]] == [
        "wss://127.0.0.1:9443/",
        "wss://127.0.0.2:9443/",
    ]
    assert scenario["activity"]["every"] == "125ms"


def test_sessions_that_do_not_spread_evenly_are_refused(tmp_path):
    with pytest.raises(BenchError, match="501 sessions"):
        scenario_text(job(tmp_path, sessions=501))


def test_the_command_runs_the_scenario_that_it_wrote(tmp_path):
    command = stresser_command(job(tmp_path))
    assert command[1:4] == ["-m", "stresser", "run"]
    assert tomllib.loads((tmp_path / "scenario.toml").read_text())["name"] == "bench"


@pytest.mark.parametrize(
    "text_of",
    [
        lambda folder: scenario_text(job(folder, ramp_s=1.5)),
        lambda folder: scenario_text(job(folder), duration="90s", interval="1s"),
        lambda _folder: soak_scenario_text(240, 100, 3),
    ],
    ids=["held", "with a duration", "soak"],
)
def test_stresser_takes_the_scenario(text_of, tmp_path):
    scenario = decode_scenario(text_of(tmp_path).encode(), "bench.toml")
    assert scenario.sessions.count in {100, 250}


def test_blind_is_the_same_run_with_fewer_witnesses(tmp_path):
    blind_command(job(tmp_path))
    blind = decode_scenario((tmp_path / "scenario.toml").read_bytes(), "bench.toml")
    assert (blind.witnesses.packets, blind.witnesses.fresh_connections) == (False, False)
    assert blind.sessions == decode_scenario(scenario_text(job(tmp_path)).encode(), "x").sessions


def test_an_older_build_is_the_one_that_python_finds_in_its_tree(tmp_path):
    tree = tmp_path / "tree"
    (tree / "stresser").mkdir(parents=True)
    (tree / "stresser" / "__main__.py").write_text("print('the older one')")
    one = job(tmp_path)
    said = subprocess.run(in_tree(tree, stresser_command)(one), capture_output=True, check=True)
    assert said.stdout == b"the older one\n"


def test_workers_are_the_same_run_in_two_processes(tmp_path):
    command = workers_command(job(tmp_path))
    alone = tomllib.loads(scenario_text(job(tmp_path)))
    spread = tomllib.loads((tmp_path / "scenario.toml").read_text())
    assert command == run_command(tmp_path / "scenario.toml", tmp_path)
    assert spread["sessions"].pop("workers") == 2
    assert spread == alone
