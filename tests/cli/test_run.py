"""`stresser run`: the folder it leaves, what it prints, its exit code, bad input, secrets."""

import json
import subprocess

import pytest

from stresser.record.reader import open_run
from tests.cli.in_process import stresser_says
from tests.cli.run_process import ROOT, STRESSER, Run, scenario_text

pytestmark = pytest.mark.slow


def test_a_whole_run(start):
    run = start(scenario_text(thresholds='"drops{egress=direct}" = "= 0"\n"rtt.p99" = "< 5s"'))

    code, out, err = run.finish()

    assert code == 0, err
    assert "Verdict: pass" in out
    assert "TCP reset" in out
    names = {path.name for path in run.folder.iterdir()}
    assert {
        "manifest.json",
        "events.jsonl",
        "histograms.hlog",
        "summary.json",
        "stresser.log",
    } <= names
    assert open_run(run.folder).status == "complete"
    events = run.events()
    opened = [e["session"] for e in events if e["event"] == "session_opened"]
    ended = [e["session"] for e in events if e["event"] == "session_ended"]
    assert sorted(opened) == sorted(ended)
    assert len(set(ended)) == len(ended) >= 6
    drops = [e for e in events if e["event"] == "session_ended" and not e["planned"]]
    assert {("box", "tcp_reset")} == {(e["egress"], e["kind"]) for e in drops}


def test_sessions_that_begin_with_an_ml_kem_share(start):
    """Held, pinged, dropped and opened again as others are; TCP_MAXSEG of loopback takes all."""
    endpoints = 'name = "echo"\nurl = "lab+wss://echo"\nhello = "hybrid"'
    run = start(scenario_text(endpoints=endpoints, thresholds='"drops{egress=direct}" = "= 0"'))
    code, _, err = run.finish()
    assert code == 0, err
    opened = [e for e in run.events() if e["event"] == "session_opened"]
    hellos = {(e["hello"]["size"] > 1500, e["hello"]["segments"]) for e in opened}
    assert hellos == {(True, 1)}
    ended = [e for e in run.events() if e["event"] == "session_ended"]
    assert {e["kind"] for e in ended if e["egress"] == "box"} >= {"tcp_reset"}
    assert {e["kind"] for e in ended if e["egress"] == "direct"} == {"planned"}
    assert all(e["pongs"] for e in ended if e["egress"] == "direct")
    said = stresser_says("show", str(run.folder), "--session", str(opened[0]["session"]))
    assert b"bytes in 1 segment" in said.out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nmae = 'x'", 'did you mean "name"?'),
        ("name = 'x'\n[[endpoints]]\nname='a'\nurl='wss://h'\nca='no.pem'", "no.pem"),
        (("name = 'x'\n[[endpoints]]\nname='a'\nurl='wss://h'\n[[egresses]]\nname='v'\n"
         "interface='nosuch0'"), "nosuch0"),
        (("name = 'x'\n[[endpoints]]\nname='a'\nurl='wss://h'\n[[egresses]]\nname='v'\n"
         "source='192.0.2.77'"), "192.0.2.77"),
        ("name = 'x'\n[sessions]\ncount=60000\n[[endpoints]]\nname='a'\nurl='wss://h'",
         "sessions.count"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line_and_leaves_nothing(start, text, said):
    run = start(text)

    code, out, err = run.finish()

    assert (code, out) == (2, "")
    assert said in err
    assert "Traceback" not in err
    assert not run.results.exists()


def test_a_ca_file_that_is_none_is_bad_input(start, tmp_path):
    (tmp_path / "ca.pem").write_text("this is no certificate")
    endpoint = f'name = "a"\nurl = "wss://localhost:1"\nca = "{tmp_path / "ca.pem"}"'
    run = start(scenario_text(endpoints=endpoint))

    code, _, err = run.finish()

    assert code == 2
    assert "endpoints.a.ca" in err
    assert not run.results.exists()


SECRET = "c0rrect-h0rse-battery"  # noqa: S105 - a made-up one, to look for
AUTHORIZATION = 'headers = { Authorization = "env:STRESSER_TEST_TOKEN" }'


def _everything_written(run: Run, out: str, err: str) -> bytes:
    files = [path.read_bytes() for path in run.results.rglob("*") if path.is_file()]
    return b"\0".join([*files, out.encode(), err.encode()])


def test_a_secret_reaches_no_file_and_no_screen(start):
    endpoint = f'name = "echo"\nurl = "lab+wss://echo"\n{AUTHORIZATION}'
    run = start(scenario_text(endpoints=endpoint), STRESSER_TEST_TOKEN=SECRET)

    code, out, err = run.finish()

    assert code == 0, err
    assert SECRET.encode() not in _everything_written(run, out, err)
    manifest = json.loads((run.folder / "manifest.json").read_text())
    masked = manifest["scenario"]["endpoints"][0]["headers"]["Authorization"]
    assert masked == "env:STRESSER_TEST_TOKEN (masked)"


def test_a_secret_is_withheld_from_a_chain_that_does_not_verify(start):
    endpoint = f'name = "echo"\nurl = "lab+wss://self-signed"\n{AUTHORIZATION}'
    run = start(scenario_text(duration="1s", endpoints=endpoint), STRESSER_TEST_TOKEN=SECRET)

    run.finish()

    failures = [e for e in run.events() if e["event"] == "attempt_failed" and not e["planned"]]
    direct = [e for e in failures if e["egress"] == "direct"]
    assert direct
    assert {("tls", "certificate", "secret_withheld")} == {
        (e["phase"], e["kind"], e["failure"]) for e in direct
    }


def test_a_secret_is_sent_when_the_scenario_says_so_in_so_many_words(start):
    endpoint = (
        f'name = "echo"\nurl = "lab+wss://self-signed"\n{AUTHORIZATION}\n'
        "send_secrets_over_unverified_chain = true"
    )
    run = start(scenario_text(endpoints=endpoint), STRESSER_TEST_TOKEN=SECRET)

    run.finish()

    assert [e for e in run.events() if e["event"] == "session_opened"]


def test_a_missing_secret_is_bad_input(start):
    endpoint = f'name = "echo"\nurl = "lab+wss://echo"\n{AUTHORIZATION}'
    run = start(scenario_text(endpoints=endpoint))

    code, _, err = run.finish()

    assert code == 2
    assert "STRESSER_TEST_TOKEN" in err


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


def test_a_shortfall_is_said_at_once_and_ends_a_run_that_is_to_fail_fast(start):
    endpoints = 'name = "echo"\nurl = "lab+wss://refuse/503"'
    run = start(scenario_text(duration="1h", endpoints=endpoints), "--fail-fast")

    code, out, err = run.finish()

    assert code == 3
    said = "6 of 6 sessions never opened; "
    assert f'warning="{said}' in err
    assert "HTTP refusals (" in err
    assert said in out
    assert run.events()[-1]["reason"] == "fewer sessions opened than asked (--fail-fast)"


def test_without_thresholds_there_is_no_verdict(start):
    code, out, _ = start(scenario_text()).finish()

    assert code == 0
    assert "Verdict: none" in out


def test_no_session_at_all_is_inconclusive(start):
    text = scenario_text(duration="1s", endpoints='name = "echo"\nurl = "lab+wss://refuse/503"')

    assert start(text).finish()[0] == 3
