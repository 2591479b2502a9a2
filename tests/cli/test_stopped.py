"""A run that is stopped by SIGSTOP: it knows before it judges anybody."""

import os
import signal
import sys
import time

import pytest

pytestmark = pytest.mark.slow


SCENARIO = """
name = "stopped"
[sessions]
count = 20
reconnect = false
[activity]
every = "200ms"
timeout = "1s"
[[endpoints]]
name = "echo"
url = "lab+wss://echo"
[[egresses]]
name = "direct"
[[egresses]]
name = "box"
lab = { idle_timeout = "2s", kill = "reset" }
"""
STOPPED_S = 4
READ_AFTERWARDS_NS = 10**9


@pytest.mark.skipif(sys.platform == "win32", reason="SIGSTOP is POSIX")
def test_the_window_is_known_before_the_endings_of_it(start):
    run = start(SCENARIO)
    run.wait_until_open(40)
    os.kill(run.process.pid, signal.SIGSTOP)  # the lab is another process, and goes on
    time.sleep(STOPPED_S)  # what is tested: that it was stopped for so long
    os.kill(run.process.pid, signal.SIGCONT)
    run.wait_for(lambda: len(held_endings(run)) >= 20)
    run.process.send_signal(signal.SIGINT)
    code, _, _ = run.finish()
    full = run.shown("--full")

    endings = held_endings(run)
    # The box has killed what was idle; those it did not touch live on, however late their pong.
    assert {(e["egress"], e["kind"]) for e in endings} == {("box", "tcp_reset")}
    events = run.events()
    [late] = [e for e in events if e["event"] == "tester_late" and e["late_ns"] > 3.5e9]
    assert late["cause"] == "stopped"
    assert events.index(late) < min(events.index(ending) for ending in endings)
    # A pong that waited in the socket was read just after: that is a proof of life, too.
    until_ns = late["t_ns"] + late["late_ns"] + READ_AFTERWARDS_NS
    brackets = [(e["alive_at_ns"], e["dead_by_ns"]) for e in endings]
    outside = [one for one in brackets if not (one[0] <= until_ns and one[1] >= late["t_ns"])]
    assert outside == [], (late["t_ns"], until_ns)

    assert code == 3
    assert "stresser was too late to judge sessions for " in full
    assert "stopped by this host 1 time" in full


def held_endings(run):
    return [
        event
        for event in run.events()
        if event["event"] == "session_ended"
        and event["phase"] == "held"
        and not event.get("planned")
    ]
