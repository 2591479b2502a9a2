"""Runs against a real broker: held, refused, told why, and no secret anywhere."""

import json

import pytest

from stresser.cli.scenario_file import shipped_folder
from tests.cli.run_process import Run
from tests.fakes.certificates import SERVER_NAME
from tests.fakes.mosquitto import PASSWORD, USER, mosquitto

pytestmark = pytest.mark.slow
WRONG = "wr0ng-h0rse"
LOGIN = 'user = "env:STRESSER_TEST_USER", password = "env:STRESSER_TEST_PASSWORD"'


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    with mosquitto(tmp_path_factory.mktemp("mosquitto")) as running:
        yield running


def scenario(broker, login=LOGIN, every="300ms"):
    """Bare, in a WebSocket and in clear, by both versions."""
    ports = {"tls": broker.tls, "wss": broker.wss, "tcp": broker.tcp}
    tables = []
    for scheme, port in ports.items():
        about_tls = f'ca = "{broker.root}"\nsni = "{SERVER_NAME}"' if scheme != "tcp" else ""
        in_clear = "send_secrets_over_unverified_chain = true" if scheme == "tcp" else ""
        tables += [
            f'[[endpoints]]\nname = "{scheme}-{version}"\nurl = "{scheme}://127.0.0.1:{port}"\n'
            f'mqtt = {{ {login}, version = "{version}" }}\n{about_tls}\n{in_clear}\n'
            for version in ("3.1.1", "5")
        ]
    return (
        'name = "mqtt"\nduration = "3s"\n[sessions]\ncount = 2\nreconnect = false\n'
        f'[activity]\nkind = "mqtt"\nevery = "{every}"\ntimeout = "5s"\n' + "".join(tables)
    )


def everything_written(run: Run, out: str, err: str) -> bytes:
    files = [path.read_bytes() for path in run.results.rglob("*") if path.is_file()]
    return b"\0".join([*files, out.encode(), err.encode()])


def test_a_broker_is_held_and_its_password_is_nowhere(start, broker):
    run = start(scenario(broker), STRESSER_TEST_USER=USER, STRESSER_TEST_PASSWORD=PASSWORD)
    code, out, err = run.finish()
    assert code == 0, out + err
    ended = [one for one in run.events() if one["event"] == "session_ended"]
    assert len(ended) == 12
    assert {one["proved"] for one in ended} == {"alive"}
    assert all(one["pongs"] >= 3 for one in ended)
    assert {one["evidence"]["close"] for one in ended} <= {"answered", "PeerFin"}
    assert PASSWORD.encode() not in everything_written(run, out, err)


def test_who_has_the_wrong_password_hears_so_from_the_broker(start, broker):
    run = start(scenario(broker), STRESSER_TEST_USER=USER, STRESSER_TEST_PASSWORD=WRONG)
    _, out, err = run.finish()
    failed = [one for one in run.events() if one["event"] == "attempt_failed"]
    assert len(failed) == 12
    assert {(one["phase"], one["kind"]) for one in failed} == {("open", "mqtt_refusal")}
    said = {(one["endpoint"][-1], one["code"], one["reason"]) for one in failed}
    assert said == {("1", 5, "not authorized"), ("5", 135, "not authorized")}
    summary = json.loads((run.folder / "summary.json").read_text())
    assert {one["mechanism"] for one in summary["diagnoses"]} == {"refused_by_endpoint"}
    assert "the broker refused the login with CONNACK" in json.dumps(summary)
    assert WRONG.encode() not in everything_written(run, out, err)


def test_a_variable_that_is_not_set_is_one_line(start, broker):
    run = start(scenario(broker), STRESSER_TEST_USER=USER)
    code, _, err = run.finish()
    assert code == 2
    assert "the environment variable STRESSER_TEST_PASSWORD is not set" in err


def test_the_shipped_scenario_runs_against_the_lab(start):
    text = (shipped_folder() / "mqtt.toml").read_text()
    run = start(
        text, "--duration", "4s", "--set", "endpoints.broker.url=lab+tls://mqtt",
        "--set", "endpoints.web.url=lab+wss://mqtt", "--set", "activity.every=500ms",
        "--set", "sessions.ramp=500ms",
    )  # fmt: skip
    code, out, err = run.finish()
    assert code == 0, out + err
    ended = [one for one in run.events() if one["event"] == "session_ended"]
    assert len(ended) == 10
    assert all(one["pongs"] >= 3 for one in ended)
