"""`stresser idle` as a user runs it: endpoints, scenarios, mistakes, the limit, Ctrl-C."""

import json
import signal

import pytest
from msgspec.structs import asdict, replace

from stresser.analysis.summary.answers import answer_of
from stresser.analysis.summary.summary import Summary
from stresser.cli.idle import _exit_code
from tests.analysis.answer_story import QUICKSTART, made_run
from tests.analysis.summary.test_limit_words import FOUND, NONE
from tests.cli.in_process import stresser_says
from tests.cli.run_process import Run

SCENARIO = """
name = "ways"
[[endpoints]]
name = "broker"
url = "lab+wss://echo"
[[egresses]]
name = "direct"
[[egresses]]
name = "vpn"
lab = { idle_timeout = "2s", kill = "fin" }
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "ways.toml"
    path.write_text(SCENARIO)
    return path


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("--up-to", "1s"), '--up-to: "1s" is too short; from 2s on'),
        (("--up-to", "soon"), "--up-to: "),
        (("--egress", "tun0"), 'has no egress "tun0"; known are direct, vpn'),
        (("--ca", "root.pem"), "--ca goes with endpoints; a scenario names its own roots"),
        (("broker.example.net",), "is a scenario: search it alone, or endpoints alone"),
    ],
)
def test_mistakes_are_one_line(file, words, line):
    said = stresser_says("idle", str(file), *words)
    assert said.code == 2
    assert line in said.err
    assert said.err.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("--egress", "nodev0"), "egresses.nodev0: "),
        (("--egress", "203.0.113.9"), "egresses.203.0.113.9: "),
        (("--ca", "no-such.pem"), '--ca: there is no file "no-such.pem"'),
    ],
)
def test_mistakes_about_endpoints(words, line):
    said = stresser_says("idle", "broker.example.net", *words)
    assert said.code == 2
    assert line in said.err


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        ([NONE, FOUND], 1),
        ([NONE, replace(FOUND, confirmed=False)], 3),
        ([NONE], 0),
        ([replace(NONE, reached=False)], 3),
        ([replace(NONE, dead=1)], 3),
        ([], 3),
    ],
)
def test_the_exit_code_is_what_is_sure(limits, code):
    figures = made_run(QUICKSTART)
    found = Summary(**asdict(figures), answer=answer_of(figures))
    assert _exit_code(replace(found, limits=limits)) == code


@pytest.mark.slow
def test_the_limit_of_a_lab_is_found_by_one_egress_alone(file, tmp_path):
    out = str(tmp_path / "results")
    said = stresser_says("idle", str(file), "--up-to", "4s", "--together", "--out", out, "--json")
    assert said.code == 1, said.err
    found = {(one["egress"], one["kind"]): one for one in json.loads(said.out)["limits"]}
    limit, control = found["vpn", "idle"], found["direct", "idle"]
    assert limit["low"] <= 2e9 <= limit["high"] < 2.5e9
    assert (limit["form"], limit["at_expiry"], limit["unit"]) == ("tcp_fin", True, "ns")
    assert (limit["who"], limit["where"]) == ("middlebox", "egress")
    assert (control["low"], control["high"], control["form"]) == (None, None, None)
    assert control["survived"] > 3.9e9
    [folder] = (tmp_path / "results").iterdir()
    opened = [json.loads(line) for line in folder.joinpath("events.jsonl").read_text().splitlines()]
    together = [one for one in opened if one.get("activity") == "idle_search-together"]
    assert {one["egress"] for one in together} == {"vpn", "direct"}
    shown = " ".join(stresser_says("show", str(folder), "--full").out.decode().split())
    assert "vpn ends quiet sessions to broker after 2" in shown or "broker after 1.9" in shown


@pytest.mark.slow
def test_a_limit_of_bytes_is_told_from_one_of_age(tmp_path):
    counts = SCENARIO.replace('idle_timeout = "2s", kill = "fin"',
                              'byte_limit = "8KiB", kill = "reset"')  # fmt: skip
    ages = counts.replace('byte_limit = "8KiB"', 'age_limit = "4s"')
    found = {}
    for name, text in (("bytes", counts), ("age", ages)):
        (tmp_path / f"{name}.toml").write_text(text)
        said = stresser_says(
            "idle", str(tmp_path / f"{name}.toml"), "--egress", "vpn", "--up-to", "14s",
            "--out", str(tmp_path / name), "--json",
        )  # fmt: skip
        assert said.code == 1, said.err
        found[name] = {one["kind"]: one for one in json.loads(said.out)["limits"]}
    counted, aged = found["bytes"], found["age"]
    assert counted["bytes"]["low"] <= 8192 <= counted["bytes"]["high"], counted
    assert aged["age"]["low"] <= 4e9 <= aged["age"]["high"] < 5e9, aged
    for other in (counted["idle"], counted["age"], aged["idle"], aged["bytes"]):
        assert other["high"] is None, other


@pytest.mark.slow
def test_ctrl_c_says_what_is_known_so_far(tmp_path):
    run = Run(tmp_path, SCENARIO, "--egress", "direct", "--up-to", "1h", command="idle")
    run.wait_for(lambda: " of silence; at most " in run.log())
    run.process.send_signal(signal.SIGINT)
    code, out, _ = run.finish()
    out = " ".join(out.split())
    assert code == 3
    assert "broker through direct: no limit of silence found up to " in out
    assert "which is not as far as was asked for" in out
