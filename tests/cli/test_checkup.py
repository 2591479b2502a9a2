"""A check from its scenario to its exit code, in this process."""

from pathlib import Path

import pytest

from stresser.cli.checkup import run_check
from stresser.model.errors import ExitCode, ScenarioError
from stresser.scenario.plan import Activity, Egress, Endpoint, Scenario, Sessions

ECHO = Endpoint(name="echo", url="lab+wss://echo")


def plan(endpoints, egresses=("direct",), **changes):
    return Scenario(
        name="s",
        endpoints=list(endpoints),
        egresses=[Egress(name=name) for name in egresses],
        **changes,
    )


def run(scenario, *, out=None, as_json=False, path=None):
    return run_check(scenario, Path("s.toml"), "s.toml", {}, path, out, as_json)


def test_each_way_once_however_many_sessions_the_scenario_holds(capsys, tmp_path):
    whole = plan(
        [ECHO],
        sessions=Sessions(count=40_000, max_per_endpoint=10**6),
        activities=[Activity(name="a"), Activity(name="b")],
    )
    assert run(whole, out=tmp_path / "check.json", as_json=True) is ExitCode.PASS
    out = capsys.readouterr().out
    assert out.count('"fine": true') == 1
    assert (tmp_path / "check.json").read_text() == out


@pytest.mark.parametrize("name", ["no/such/folder/x.json", "\0"])
def test_an_out_file_that_cannot_be_written(name):
    with pytest.raises(ScenarioError, match="--out"):
        run(plan([ECHO]), out=Path(name))


def test_too_many_ways():
    endpoints = [Endpoint(name=f"e{number}", url="wss://a.example") for number in range(101)]
    with pytest.raises(ScenarioError, match="too many"):
        run(plan(endpoints, egresses=[f"x{number}" for number in range(20)]))


def test_a_mistake_comes_out_of_the_loop_as_it_is(tmp_path):
    (tmp_path / "ca.pem").write_text("this is no certificate")
    bad = Endpoint(name="a", url="wss://localhost:1", ca=str(tmp_path / "ca.pem"))
    with pytest.raises(ScenarioError, match=r"endpoints\.a\.ca"):
        run(plan([bad]))
