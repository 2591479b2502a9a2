"""First messages in a whole run: spoken, refused and diagnosed, and no secret anywhere."""

import json

import pytest

from tests.cli.run_process import Run

pytestmark = pytest.mark.slow
PROTOCOL = "json"
SECRET = "c0rrect-h0rse-battery"  # noqa: S105 - a made-up one, to look for
HELLO = (
    r'{ text = "{\"protocol\":\"${env:STRESSER_TEST_TOKEN}\",\"version\":1}\u001e", expect = "{}" }'
)
BAD = '{ json = { protocol = "env:STRESSER_TEST_TOKEN" }, expect = "{}" }'


def scenario(messages, options=""):
    return f"""
name = "first"
duration = "2s"
[sessions]
count = 3
reconnect = {{ initial = "200ms", max = "1s", jitter = 0.2 }}
{options}
[activity]
every = "300ms"
timeout = "2s"
[[endpoints]]
name = "hub"
url = "lab+wss://hub"
open = [{messages}]
[[egresses]]
name = "direct"
[[egresses]]
name = "box"
lab = {{}}
"""


def everything_written(run: Run, out: str, err: str) -> bytes:
    files = [path.read_bytes() for path in run.results.rglob("*") if path.is_file()]
    return b"\0".join([*files, out.encode(), err.encode()])


@pytest.mark.parametrize("workers", [1, 2])
def test_a_hub_that_is_spoken_to_is_held(start, workers):
    run = start(
        scenario(HELLO, f"workers = {workers}"), "--duration", "5s", STRESSER_TEST_TOKEN=PROTOCOL
    )
    code, out, err = run.finish()
    assert code == 0, err
    assert "no drop" in out.lower()
    summary = json.loads((run.folder / "summary.json").read_text())
    assert summary["diagnoses"] == []
    files = run.results.rglob("events.jsonl")
    events = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    opened = [event for event in events if event["event"] == "session_opened"]
    assert len(opened) == 6
    assert all(event["phases_ns"]["open"] > 0 for event in opened)


def test_a_refusal_is_the_endpoints_and_repeats_no_secret(start):
    run = start(scenario(BAD), STRESSER_TEST_TOKEN=SECRET)
    _, out, err = run.finish()
    assert SECRET.encode() not in everything_written(run, out, err)
    failures = [one for one in run.events() if one["event"] == "attempt_failed"]
    refused = [one for one in failures if one["kind"] == "message_refusal"]
    assert refused
    for one in refused:
        assert (one["phase"], one["failure"], one["code"]) == ("open", "message_refused", 1000)
        assert one["evidence"]["last_text"].startswith('{"error":"The protocol \'(masked)\'')
        assert one["initiator"] == "endpoint"
    [found] = json.loads((run.folder / "summary.json").read_text())["diagnoses"]
    assert found["mechanism"] == "refused_by_endpoint"
    assert (found["who"], found["ask"]["whom"]) == ("endpoint", "service_owner")
    assert "is not supported" in found["says"]
    assert "does not answer as the scenario wants" in " ".join(out.split())


CALL = r"""
kind = "messages"
text = "{\"type\":1,\"invocationId\":\"${number}\",\"target\":\"Echo\",\"arguments\":[1]}\u001e"
pointer = "/invocationId"
expect = "${number}"
"""
PLAIN = r'{ text = "{\"protocol\":\"json\",\"version\":1}\u001e", expect = "{}" }'


def calling(expect):
    text = scenario(PLAIN).replace("[activity]", f"[activity]{CALL}")
    return text.replace('expect = "${number}"', f'expect = "{expect}"')


def test_calls_of_a_hub_are_a_heartbeat_and_an_idle_box_is_named(start):
    text = calling("${number}").replace("lab = {}", 'lab = { idle_timeout = "1s" }')
    text = text.replace('every = "300ms"', 'every = "1500ms"')
    run = start(text, "--duration", "6s")
    _, _, err = run.finish()
    ended = [one for one in run.events() if one["event"] == "session_ended"]
    direct = [one for one in ended if one["egress"] == "direct"]
    assert all(one["planned"] and one["pongs"] >= 2 for one in direct), err
    [found] = json.loads((run.folder / "summary.json").read_text())["diagnoses"]
    assert (found["mechanism"], found["scope"]["egress"]) == ("idle_timer", "box")
    assert (found["where"], found["who"]) == ("egress", "middlebox")


def test_a_wrong_answer_is_the_endpoints_and_accuses_no_egress(start):
    run = start(calling("no such ${number}"), "--duration", "6s")
    _, out, err = run.finish()
    drops = [one for one in run.events() if one.get("is_drop")]
    assert drops, err
    assert {(one["kind"], one["initiator"]) for one in drops} == {("message_refusal", "endpoint")}
    [found] = json.loads((run.folder / "summary.json").read_text())["diagnoses"]
    assert (found["mechanism"], found["who"]) == ("refused_by_endpoint", "endpoint")
    assert found["where"] != "egress"
    assert found["ask"]["whom"] == "service_owner"
    assert "does not answer as the scenario wants" in " ".join(out.split())


def sized(direction):
    return f"""
[[activities]]
kind = "messages"
name = "{direction}"
every = "200ms"
size = "8KiB"
direction = "{direction}"
"""


@pytest.mark.parametrize("behaviour", ["echo", "reflect"])
def test_sized_messages_go_up_down_or_both_ways(start, behaviour):
    text = f"""
name = "sized"
duration = "4s"
[[endpoints]]
name = "own"
url = "lab+wss://{behaviour}"
{"".join(map(sized, ("up", "down", "both")))}
"""
    run = start(text)
    _, _, err = run.finish()
    ended = {one["activity"]: one for one in run.events() if one["event"] == "session_ended"}
    assert set(ended) == {"up", "down", "both"}, err
    for direction, one in ended.items():
        assert one["pongs"] >= 3
        up, down = (one[key] / one["pongs"] > 8000 for key in ("bytes_sent", "bytes_received"))
        assert (up, down) == (direction != "down", direction != "up")


def test_a_missing_variable_is_one_line(start):
    run = start(scenario(BAD))
    code, out, err = run.finish()
    assert (code, out) == (2, "")
    assert "endpoints.hub: the environment variable STRESSER_TEST_TOKEN is not set" in err
    assert not run.results.exists()
