"""`stresser check` as a user runs it: endpoints, scenarios, mistakes, JSON, Ctrl-C."""

import json
import os
import signal
import subprocess
import time
from functools import partial

import psutil
import pytest
import trio

from tests.cli.in_process import stresser_says
from tests.cli.run_process import PATIENCE_S, ROOT, STRESSER
from tests.fakes.certificates import authority_file
from tests.fakes.daemons import PASSWORD, USER, squid
from tests.fakes.loopback import loopback_server

SCENARIO = """
name = "two-ways"
[[endpoints]]
name = "broker"
url = "lab+wss://echo"
headers = { Authorization = "env:STRESSER_TEST_TOKEN" }
[[endpoints]]
name = "raw"
url = "lab+tls://echo"
[[egresses]]
name = "direct"
[[egresses]]
name = "vpn"
lab = { intercept = true }
"""
SECRET = "c0rrect-h0rse-battery"  # noqa: S105 - a made-up one, to look for
NO_PROXY = dict.fromkeys(("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"), "")


def check(*words, **environment):
    said = stresser_says("check", *words, **NO_PROXY | environment)
    return said.code, said.out.decode(), said.err


def check_process(*words, cwd=ROOT, **environment):
    done = subprocess.run(
        [*STRESSER, "check", *words],
        cwd=cwd, env=os.environ | NO_PROXY | environment, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout, done.stderr


def test_one_host_that_is_well():
    code, out, err = check("lab+wss://echo")
    assert (code, err) == (0, "")
    assert out.startswith("Sessions open on 1 of 1 egress; how long they last only a run shows.")
    assert "echo / direct: WebSocket open (HTTP 101 Switching Protocols)" in out


def test_hosts_that_are_not_well():
    code, out, _ = check("lab+wss://refuse/403", "lab+tls://reset-in-tls", "lab+tls://expired")
    assert code == 1
    words = " ".join(out.split())
    assert (
        "Sessions open on 1 of 3 pairs of endpoint and egress; a certificate chain does not verify."
    ) in words
    assert "refuse through direct: upgrade refused with HTTP 403" in words
    assert "reset-in-tls through direct: reset by TCP RST in phase TLS handshake" in words
    assert "The chain of expired through direct is broken: certificate has expired." in words
    assert words.count("What to do:") == 3


@pytest.fixture
def scenario(tmp_path):
    path = tmp_path / "two-ways.toml"
    path.write_text(SCENARIO)
    return path


def test_a_scenario_as_json(scenario):
    code, out, err = check(str(scenario), "--json", STRESSER_TEST_TOKEN=SECRET)
    assert (code, err) == (1, "")
    found = json.loads(out)
    assert set(found) == {"verdict", "says", "findings", "notes", "results"}
    ways = {(r["endpoint"], r["egress"]): r for r in found["results"]}
    assert {key: r["fine"] for key, r in ways.items()} == {
        ("broker", "direct"): True,
        ("broker", "vpn"): False,
        ("raw", "direct"): True,
        ("raw", "vpn"): False,
    }
    # The secret header is not sent to who ends TLS on the way.
    assert ways["broker", "vpn"]["facts"]["failed"]["kind"] == "certificate"
    assert ways["raw", "vpn"]["chain"].startswith("intercepted (consistent with stresser lab")
    (finding,) = [f for f in found["findings"] if f["concern"] == "interception"]
    assert finding["endpoints"] == ["broker", "raw"]
    assert "bypass of: broker, raw (through vpn)" in finding["remedy"]
    assert SECRET not in out


@pytest.mark.slow
def test_which_hellos_pass():
    said = stresser_says("check", "lab+wss://echo", "--handshakes", "--json")
    assert said.code == 0, said.err
    (result,) = json.loads(said.out)["results"]
    hellos = {one["shape"]: one for one in result["facts"]["hellos"]}
    assert hellos["classic"]["outcomes"] == hellos["hybrid_name_last"]["outcomes"] == ["stood"]
    assert (hellos["hybrid_name_last"]["segments"], hellos["hybrid_name_last"]["kind"]) == (
        2,
        "hybrid",
    )
    shown = stresser_says("check", "lab+wss://echo", "--handshakes").out.decode()
    assert "hellos    answered: classic (517 bytes in 1)" in shown
    assert b"one_segment_read" in stresser_says("explain", "one_segment_read").out


@pytest.mark.slow
def test_a_get_of_a_scenario(scenario):
    code, out, _ = check(str(scenario), "--get", "/health", "--json", STRESSER_TEST_TOKEN=SECRET)
    asked = {result["facts"]["asked"] for result in json.loads(out)["results"]}
    assert (code, asked) == (1, {"get"})


@pytest.mark.slow
def test_a_shipped_scenario_and_nothing_on_disk(tmp_path):
    code, out, err = check_process("quickstart", cwd=tmp_path, PYTHONPATH=str(ROOT))
    assert (code, err) == (0, "")
    assert "how long they last only a run shows." in " ".join(out.split())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["a/b"], "write https://host/path"),
        (["a.example", "quickstart"], "check it alone"),
        (["quickstart", "--proxy", "http://p.example:1"], "go with endpoints alone"),
        (["nosuch.toml"], "no file"),
        (["a.example", "--timeout", "5"], "--timeout"),
        (["a.example", "--get", "x"], "--get"),
        (["a.example", "--ca", "nosuch.pem"], "--ca"),
        (["a.example", "--interface", "nosuch0"], "nosuch0"),
        (["a.example", "--source", "192.0.2.77"], "192.0.2.77"),
        (["a.example", "--proxy", "http://u:hunter2@p.example:1"], "proxy_user"),
        (["lab+wss://nosuch"], "knows no behaviour"),
    ],
)
def test_bad_input_is_one_line(words, said):
    code, out, err = check(*words)
    assert (code, out) == (2, "")
    assert said in err
    assert len(err.splitlines()) == 1
    assert "hunter2" not in err


def test_a_variable_that_is_missing(scenario):
    code, _, err = check(str(scenario))
    assert code == 2
    assert "STRESSER_TEST_TOKEN" in err


@pytest.mark.slow
def test_a_scenarios_deadlines_can_be_shortened(tmp_path):
    path = tmp_path / "stall.toml"
    path.write_text('name = "s"\n[[endpoints]]\nname = "a"\nurl = "lab+tls://stall-in-tls"\n')
    code, out, _ = check(str(path), "--timeout", "300ms", "--json")
    (result,) = json.loads(out)["results"]
    assert code == 1
    assert result["facts"]["failed"]["age_ns"] < 5_000_000_000


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly(number):
    process = subprocess.Popen(
        [*STRESSER, "check", "lab+tls://stall-in-tls", "--timeout", "60s"],
        cwd=ROOT, env=os.environ | NO_PROXY, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, start_new_session=True,
    )  # fmt: skip
    try:
        _wait_for_the_lab(process)
        process.send_signal(number)
        out, err = process.communicate(timeout=PATIENCE_S)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    assert (process.returncode, out) == (130, "")
    assert err.startswith("stopped")
    assert "Traceback" not in err


def _wait_for_the_lab(process):
    """Until it has a lab as its child: then it obeys signals."""
    parent = psutil.Process(process.pid)
    deadline = time.monotonic() + PATIENCE_S
    while not any(_is_lab(child) for child in parent.children()):
        assert process.poll() is None
        assert time.monotonic() < deadline, "it started no lab"
        time.sleep(0.02)


def _is_lab(child):
    try:
        return "stresser.lab" in child.cmdline()
    except psutil.NoSuchProcess:  # a helper of an import (ldconfig) that has just ended
        return False


@pytest.mark.slow
def test_through_squid_with_and_without_credentials():
    async def main(proxy_port):
        async with loopback_server() as port:
            words = (f"wss://127.0.0.1:{port}", "--ca", authority_file(), "--json")
            bare = f"http://127.0.0.1:{proxy_port}"
            refused = await trio.to_thread.run_sync(partial(check_process, *words, "--proxy", bare))
            known = f"http://{USER}:{PASSWORD}@127.0.0.1:{proxy_port}"
            unnamed, opened = [
                await trio.to_thread.run_sync(
                    partial(check_process, *words, *more, https_proxy=known)
                )
                for more in ((), ("--proxy-auth", "basic"))
            ]
        return refused, unnamed, opened

    with squid() as ports:
        (code, out, _), unnamed, (opened_code, opened_out, said) = trio.run(main, ports[0])
    assert unnamed[0] == 1
    assert 'proxy_auth = ["basic"]' in json.loads(unnamed[1])["findings"][0]["remedy"]
    assert f"the password goes to http://127.0.0.1:{ports[0]} in clear" in said
    assert "in clear" not in unnamed[2]
    found = json.loads(out)
    assert code == 1
    assert found["results"][0]["facts"]["failed"]["status"] == 407
    assert "proxy_user" in found["findings"][0]["remedy"]
    (opened,) = json.loads(opened_out)["results"]
    assert opened_code == 0
    assert (opened["egress"], opened["facts"]["http"]["status"]) == ("environment", 101)
    assert list(opened["facts"]["phases_ns"])[1:3] == ["proxy_connect", "proxy_tunnel"]
    assert PASSWORD not in opened_out + said + unnamed[1] + unnamed[2]


MANY = 50


@pytest.mark.scale
def test_fifty_endpoints_through_two_egresses_at_once(tmp_path):
    """All of them stall for five seconds: one after the other they would take 500."""
    endpoints = "".join(
        f'[[endpoints]]\nname = "e{number}"\nurl = "lab+tls://stall-in-tls"\n'
        for number in range(MANY)
    )
    egresses = '[[egresses]]\nname = "a"\n[[egresses]]\nname = "b"\nlab = {}\n'
    path = tmp_path / "many.toml"
    path.write_text(f'name = "many"\n{endpoints}{egresses}')
    code, out, _ = check(str(path), "--timeout", "5s", "--json")
    failed = [result["facts"]["failed"] for result in json.loads(out)["results"]]
    assert (code, len(failed)) == (1, 2 * MANY)
    ended = [one["detected_at_ns"] for one in failed]
    begun = [one["detected_at_ns"] - one["age_ns"] for one in failed]
    # One round: the last began before the first had ended.
    assert max(begun) < min(ended)
    assert max(ended) - min(begun) < 15_000_000_000
