"""A request before each session, in whole runs: SignalR's negotiation, Slack's socket URL."""

import json
import ssl
from typing import Any

import pytest

from tests.cli.run_process import Run
from tests.fakes.certificates import authority, authority_file
from tests.fakes.socket_mode import APP_TOKEN, socket_mode

pytestmark = pytest.mark.slow
WRONG = "Bearer wrong-but-secret"

HUB = r"""
url = "lab+wss://hub?id=${ID}"
before = { post = "/chat/negotiate?negotiateVersion=1", take = { ID = "/connectionToken" } }
open = [{ text = "{\"protocol\":\"json\",\"version\":1}\u001e", expect = "{}" }]
"""
CALL = r"""
text = "{\"type\":1,\"invocationId\":\"${number}\",\"target\":\"Echo\",\"arguments\":[1]}\u001e"
pointer = "/invocationId"
"""
PING = """
json = { type = "ping", id = "${number}" }
pointer = "/id"
"""


def scenario(endpoint: str, said: str, idle: str = "1s") -> str:
    return f"""
name = "before"
duration = "6s"
[sessions]
count = 3
reconnect = {{ initial = "200ms", max = "1s", jitter = 0.2 }}
[activity]
kind = "messages"
every = "1500ms"
timeout = "2s"
expect = "${{number}}"
{said}
[[endpoints]]
name = "service"
{endpoint}
[[egresses]]
name = "direct"
[[egresses]]
name = "box"
lab = {{ idle_timeout = "{idle}" }}
"""


def diagnosed(run: Run) -> Any:
    [found] = json.loads((run.folder / "summary.json").read_text())["diagnoses"]
    return found


def opened(run: Run) -> list[dict[str, Any]]:
    return [one for one in run.events() if one["event"] == "session_opened"]


def everything_written(run: Run, out: str, err: str) -> bytes:
    files = [path.read_bytes() for path in run.results.rglob("*") if path.is_file()]
    return b"\0".join([*files, out.encode(), err.encode()])


def idle_box_is_named(run: Run) -> None:
    ended = [one for one in run.events() if one["event"] == "session_ended"]
    direct = [one for one in ended if one["egress"] == "direct"]
    assert len(direct) == 3
    assert all(one["planned"] and one["pongs"] >= 2 for one in direct)
    found = diagnosed(run)
    assert (found["mechanism"], found["scope"]["egress"]) == ("idle_timer", "box")
    assert (found["where"], found["who"]) == ("egress", "middlebox")


def test_a_hub_that_negotiates_is_held_through_an_idle_box_and_the_box_is_named(start):
    run = start(scenario(HUB, CALL))
    _, _, err = run.finish()
    assert opened(run), err
    for one in opened(run):
        steps = ["before_connect", "before_tls", "before_answer"]
        assert list(one["phases_ns"])[:3] == steps
    idle_box_is_named(run)


@pytest.mark.parametrize(
    ("wrong", "right", "kind", "whom"),
    [
        ("/chat/negotiate", "/nobody", "http_refusal", "service_owner"),
        ("/connectionToken", "/nothing", "message_refusal", "this_host"),
    ],
)
def test_a_request_that_fails_is_the_attempts_in_a_phase_of_its_own(
    start, wrong, right, kind, whom
):
    run = start(scenario(HUB.replace(wrong, right), CALL))
    _, _, err = run.finish()
    failures = [one for one in run.events() if one["event"] == "attempt_failed"]
    failed = [one for one in failures if not one["planned"]]
    assert failed, err
    assert {(one["phase"], one["kind"], one["initiator"]) for one in failed} == {
        ("before", kind, "endpoint")
    }
    found = diagnosed(run)
    assert (found["mechanism"], found["ask"]["whom"]) == ("refused_by_endpoint", whom)
    assert found["where"] != "egress"


def socket_mode_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority().issue_cert("localhost", "127.0.0.1").configure_cert(context)
    return context


def socket_endpoint(https_port: int, wss_port: int) -> str:
    return f"""
url = "wss://localhost:{wss_port}/"
ca = "{authority_file()}"
address = "127.0.0.1"
before = {{ post = "https://localhost:{https_port}/api/apps.connections.open",
 headers = {{ Authorization = "env:STRESSER_TEST_TOKEN" }}, take = {{ url = "/url" }} }}
open = [{{ pointer = "/type", expect = "hello" }}]
""".replace(",\n", ",")


def test_a_socket_whose_url_is_handed_out_is_held_and_the_ticket_stands_nowhere(start):
    with socket_mode(socket_mode_context()) as service:
        endpoint = socket_endpoint(service.https_port, service.wss_port)
        run = start(scenario(endpoint, PING), STRESSER_TEST_TOKEN=f"Bearer {APP_TOKEN}")
        _, out, err = run.finish()
        assert opened(run), err + run.log()
        assert service.refused == []
        assert len(set(service.tickets)) == len(service.tickets) >= len(opened(run)) >= 6
    idle_box_is_named(run)
    written = everything_written(run, out, err)
    assert APP_TOKEN.encode() not in written
    assert not any(ticket.encode() in written for ticket in service.tickets)


def test_a_token_that_is_refused_is_said_in_words_and_the_token_is_not(start):
    with socket_mode(socket_mode_context()) as service:
        endpoint = socket_endpoint(service.https_port, service.wss_port)
        run = start(scenario(endpoint, PING), STRESSER_TEST_TOKEN=WRONG)
        _, out, err = run.finish()
        assert service.tickets == []
    found = diagnosed(run)
    assert found["mechanism"] == "refused_by_endpoint"
    assert "lacks what is taken" in found["says"]
    assert WRONG.encode() not in everything_written(run, out, err)
