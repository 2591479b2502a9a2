"""An examination on paper: nothing cut, commands in one piece."""

import io
import json

from msgspec.structs import replace
from rich.console import Console

from stresser.report.console import json_text
from stresser.report.doctor_terminal import print_examination
from stresser.run.machine import Examination, Limit, Timing
from stresser.run.scenario_demand import Distance
from stresser.witness.capabilities import Capability
from tests.model.test_measured_limits import LIMITS

COMMAND = "sudo setcap cap_net_raw+eip /opt/a/rather/long/path/to/an/interpreter/bin/python3.11 # x"
FOUND = Examination(
    stresser="9.9",
    python="3.11 (/opt/python)",
    system="Linux-6",
    witnesses=[
        Capability(name="tcp_info", sees="states", available=True, why="read from a socket"),
        Capability(
            name="packets",
            sees="the packet",
            available=False,
            why="an AF_PACKET socket: \x1b[2JOperation not permitted (EPERM)",
            enable=[COMMAND],
        ),
    ],
    limits=[
        Limit(name="open files", finding="1,024 now", sessions=832, enable=["ulimit -Hn 65536"]),
        Limit(name="memory", finding="this system does not say", sessions=None),
    ],
    timings=[Timing(name="net.ipv4.tcp_retries2", value="15", means="about 15 m")],
)


def printed(found, width=60):
    file = io.StringIO()
    print_examination(found, Console(file=file, width=width))
    return file.getvalue()


def test_what_is_there_and_what_is_not():
    text = printed(FOUND)
    lines = [line.split() for line in text.splitlines()]
    assert ["tcp_info", "yes", "states"] in lines
    assert ["packets", "no", "the", "packet"] in lines
    assert "enough for 832 sessions" in text
    assert "this system does not say" in text
    assert "about 15 m" in text


def test_commands_can_be_copied_whatever_the_width():
    assert f"  {COMMAND}" in printed(FOUND).splitlines()


def test_nothing_plays_with_the_terminal():
    assert "\x1b" not in printed(FOUND)


def test_where_all_is_there_no_command_is_given():
    complete = Examination(
        stresser="9", python="3", system="s", witnesses=FOUND.witnesses[:1], limits=[], timings=[]
    )
    assert "To have more" not in printed(complete)


def test_json_has_the_same():
    found = json.loads(json_text(FOUND))
    assert [one["available"] for one in found["witnesses"]] == [True, False]
    assert found["witnesses"][1]["enable"] == [COMMAND]
    assert found["limits"][0]["sessions"] == 832


def test_what_was_measured_and_how_far_a_scenario_is():
    asked = [
        Distance(name="sessions", limit=65_536, asked=40),
        Distance(name="pings a second", limit=1000, asked=1250),
    ]
    text = printed(replace(FOUND, measured=LIMITS, scenario="mine\x1b[2J", distances=asked), 120)
    assert "Measured on 2026-11-30T18:13:40Z with 500 sessions" in text
    assert "32,768 in each GiB, 65,536 in what was free" in text
    assert "asks for 40: under 0.1% of that" in text
    assert "asks for 1,250: 125.0% of that" in text
    assert "900 us (p50), 2 ms (p99) late" in text
    assert "Others had the CPU for 25% of that time" in text
    assert "\x1b" not in text
    assert "Measured" not in printed(FOUND)


def test_on_an_idle_machine_no_one_else_is_named():
    assert "Others" not in printed(replace(FOUND, measured=replace(LIMITS, without_cpu=0.02)))
