"""Whole files: every mistake is listed, whatever the bytes are."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stresser.model.errors import ExitCode, ScenarioError
from stresser.model.units import Duration
from stresser.scenario.decode import LARGEST_FILE, decode_scenario, scenario_from_tree
from stresser.scenario.plan import (
    Activity,
    ActivityKind,
    Egress,
    Endpoint,
    Reconnect,
    Scenario,
    Sessions,
    Timeouts,
    Verify,
)

MINIMAL = b'name = "s"\n[[endpoints]]\nname = "e"\nurl = "wss://h/x"\n'
DESIGN = b"""
name = "vpn-vs-direct"
duration = "8h"
[sessions]
count = 200
ramp = "2m"
reconnect = { initial = "1s", max = "60s", jitter = 0.5 }
[timeouts]
resolve = "5s"
connect = "10s"
proxy = "10s"
tls = "10s"
upgrade = "10s"
close = "5s"
[activity]
kind = "heartbeat"
every = "15s"
timeout = "10s"
[[endpoints]]
name = "broker"
url = "wss://broker.example.net/connect"
ca = "corp-root.pem"
verify = "report"
headers = { Authorization = "env:BROKER_TOKEN" }
[[egresses]]
name = "direct"
interface = "eth0"
[[egresses]]
name = "vpn"
interface = "tun0"
[thresholds]
"drops_per_session_hour{egress=vpn}" = "< 0.1"
"tls.p99" = "< 800ms"
"intercepted" = "= 0"
"""


def lines_of(data, overrides=(), **keywords):
    with pytest.raises(ScenarioError) as caught:
        decode_scenario(data, "scenario.toml", overrides, **keywords)
    assert caught.value.exit_code is ExitCode.BAD_INPUT
    return list(caught.value.lines)


def test_the_scenario_of_the_design_page():
    second = Duration.parse("1s")
    assert decode_scenario(DESIGN, "x") == Scenario(
        name="vpn-vs-direct",
        duration=Duration.parse("8h"),
        sessions=Sessions(
            count=200,
            ramp=Duration.parse("2m"),
            reconnect=Reconnect(initial=second, max=Duration(60 * second), jitter=0.5),
        ),
        timeouts=Timeouts(),
        activities=[Activity(name="heartbeat", kind=ActivityKind.HEARTBEAT)],
        endpoints=[
            Endpoint(
                name="broker",
                url="wss://broker.example.net/connect",
                ca="corp-root.pem",
                verify=Verify.REPORT,
                headers={"Authorization": "env:BROKER_TOKEN"},
            )
        ],
        egresses=[Egress(name="direct", interface="eth0"), Egress(name="vpn", interface="tun0")],
        thresholds={
            "drops_per_session_hour{egress=vpn}": "< 0.1",
            "tls.p99": "< 800ms",
            "intercepted": "= 0",
        },
    )


def test_what_is_left_out_has_its_default():
    scenario = decode_scenario(MINIMAL, "x")
    assert scenario == Scenario(name="s", endpoints=[Endpoint(name="e", url="wss://h/x")])
    assert scenario.duration is None
    assert [egress.name for egress in scenario.egresses] == ["default"]
    assert [activity.name for activity in scenario.activities] == ["heartbeat"]


def test_durations_stay_durations():
    scenario = decode_scenario(DESIGN, "x")
    assert isinstance(scenario.sessions.ramp, Duration)
    assert isinstance(scenario.timeouts.tls, Duration)
    assert scenario.sessions.ramp.seconds == 120


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b"", "is empty"),
        (b" \n\t\r\n", "is empty"),
        (b"\x00" * 10, "line 1: a NUL byte"),
        (MINIMAL + b"\x00", "line 5: a NUL byte"),
        (MINIMAL + b"\n# \xe9\n", "line 6: not UTF-8"),
        ("name = 's'".encode("utf-16"), "UTF-16"),
        (b"#" * (LARGEST_FILE + 1), "more than 1 MiB"),
        (b"name = ", "not TOML"),
        (b"name = 's'\nname = 't'\n", "line 2, column 11: not TOML: Cannot overwrite a value"),
        (b"[[endpoints]\n", "line 1, column 12: not TOML"),
        (b'name = "s', "not TOML"),
        (b"x = " + b"[\n" * 100_000, "nested too deeply"),
        (b"x = " + b"{a=" * 100_000, "nested too deeply"),
        (b"x = " + b"9" * 5_000, "a number in it is absurdly long"),
        (b"a." * 40 + b"a = 1", "a key of more than 16 parts"),
        (b'"a" . ' * 40 + b"a = 1", "a key of more than 16 parts"),
    ],
)
def test_what_is_no_toml_is_one_line(data, line):
    [found] = lines_of(data)
    assert found.startswith("scenario.toml: ")
    assert line in found


def test_comments_may_hold_dots():
    decode_scenario(
        b"# 1. 2. 3. 4. 5. 6. 7. 8. 9. 10. 11. 12. 13. 14. 15. 16. 17. x\n" + MINIMAL, "x"
    )


def test_every_mistake_is_listed():
    lines = lines_of(
        b'name = "a b"\nduration = 8\n[sessions]\ncoutn = 3\n[timeouts]\ntls = 10\n'
        b'[[endpoints]]\nname = "e"\nurl = "wss://h"\n[[endpoints]]\nname = "f"\nurl = "htp://x"\n'
        b'[thresholds]\n"drps" = "= 0"\n'
    )
    assert lines == [
        (
            'scenario.toml: name: "a b" is not a name: '
            "1 to 64 letters, digits, dots, hyphens and underscores"
        ),
        'scenario.toml: duration: 8 needs a unit; write "8s"',
        'scenario.toml: sessions.coutn: unknown key; did you mean "count"?',
        'scenario.toml: timeouts.tls: 10 needs a unit; write "10s"',
        (
            'scenario.toml: endpoints[1].url: "htp://x": the scheme "htp" is not known; '
            'write "wss://host/path" or "tls://host:443"'
        ),
        'scenario.toml: thresholds.drps: "drps" is not a metric; did you mean "drops"?',
    ]


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b'name = "s"', "endpoints: missing; write [[endpoints]]"),
        (b'name = "s"\nendpoints = []', "endpoints: there is none; write [[endpoints]]"),
        (
            b'name = "s"\n[endpoints]\nname = "e"',
            "endpoints: must be a list, not a table; write [[endpoints]]",
        ),
        (
            b'name = "s"\n[[endpoint]]\nname = "e"',
            'endpoint: unknown key; did you mean "endpoints"?',
        ),
        (
            MINIMAL + b"egresses = 3",
            "endpoints[0].egresses: unknown key here; it belongs at the top",
        ),
        (b"egresses = []\n" + MINIMAL, "egresses: is empty; leave it out"),
        (b"sessions = 3\n" + MINIMAL, "sessions: must be a table, not 3"),
        (MINIMAL[11:], 'name: missing; write name = "..." above the first [table]'),
        (MINIMAL + MINIMAL[11:], 'endpoints[1].name: "e" is the name of another one'),
        (
            MINIMAL + b"[[egresses]]\nname='d'\n[[egresses]]\nname='d'",
            'egresses[1].name: "d" is the name of another',
        ),
        (
            MINIMAL + b"[[activities]]\n[[activities]]\n",
            'activities[1].name: "heartbeat" is the name of another',
        ),
        (MINIMAL + b"[activity]\n[[activities]]\n", "activity: the file has [[activities]] too"),
        (MINIMAL + b"[[activity]]\n", "activity: must be one table, [activity]"),
        (
            MINIMAL + b"[activities]\n",
            "activities: must be a list, not a table; write [[activities]]",
        ),
        (b"activity = 3\n" + MINIMAL, "activity: must be a table, not 3"),
        (
            MINIMAL + b"[thresholds]\ntls.p99 = '< 1s'",
            'thresholds.tls: put the whole key in quotes: "tls.p99"',
        ),
        (MINIMAL + b"[thresholds]\ndrops = 0", "thresholds.drops: must be text in quotes"),
        (
            MINIMAL + b"[thresholds]\n'drops{egress=vpn}' = '= 0'",
            'there is no egress "vpn"; there is "default"',
        ),
        (MINIMAL + b"[thresholds]\n'drops{endpoint=ee}' = '= 0'", 'there is no endpoint "ee"'),
        (
            MINIMAL + b"[thresholds]\n'drops{activity=silent}' = '= 0'",
            'there is no activity "silent"; there is "heartbeat"',
        ),
    ],
)
def test_mistakes_between_tables(data, line):
    found = lines_of(data)
    assert any(line in one for one in found), found


def test_thresholds_may_name_what_is_there():
    text = MINIMAL + (
        b'[activity]\nname = "beat"\n[[egresses]]\nname = "d"\n[thresholds]\n'
        b'"drops{egress=d,endpoint=e,activity=beat}" = "= 0"\n'
    )
    assert len(decode_scenario(text, "x").thresholds) == 1


def test_options_change_the_plan():
    scenario = decode_scenario(
        DESIGN,
        "x",
        [
            ("sessions.count", "20"),
            ("duration", "5m"),
            ("endpoints.broker.tls_version", "1.2"),
            ("sessions.count", "30"),
            ("activity.kind", "silent"),
        ],
    )
    assert scenario.sessions.count == 30
    assert scenario.duration == Duration.parse("5m")
    assert scenario.endpoints[0].tls_version == "1.2"
    assert scenario.activities[0].kind is ActivityKind.SILENT


def test_a_mistake_in_an_option_names_the_option():
    lines = lines_of(
        MINIMAL,
        [("sessions.count", "none"), ("sesions.count", "3"), ("endpoints.e.headers.Host", "x")],
    )
    assert lines == [
        '--set sesions.count: unknown key; did you mean "sessions"?',
        '--set sessions.count: must be a whole number, not "none"',
        (
            "--set endpoints.e.headers.Host: the WebSocket handshake sets this header itself; "
            "leave it out"
        ),
    ]


def test_lab_endpoints_are_checked_by_who_knows_them():
    asked = []

    def knows_echo(scheme, behaviour, argument):
        asked.append((scheme, behaviour, argument))
        if behaviour != "echo":
            raise ValueError("no such behaviour")

    data = b'name="s"\n' + b"".join(
        b'[[endpoints]]\nname="%s"\nurl="%s"\n' % pair
        for pair in ((b"a", b"lab+wss://echo"), (b"b", b"lab+tls://ecko/3"), (b"c", b"wss://h"))
    )
    assert lines_of(data, check_lab=knows_echo) == [
        "scenario.toml: endpoints[1].url: no such behaviour"
    ]
    assert asked == [("wss", "echo", ""), ("tls", "ecko", "3")]


def test_a_secret_in_the_file_is_in_no_message():
    lines = lines_of(
        b'name="s"\n[[endpoints]]\nname="e"\nurl="wss://u:hunter2@h/?token=hunter2 "\n'
        b'headers = { Authorization = "hunter2\\n", Cookie = ["hunter2"] }\n'
        b'[[endpoints]]\nname="f"\nurl="wss://h"\nheaders = "hunter2"\n'
    )
    assert len(lines) == 3
    assert not any("hunter2" in line for line in lines)


@pytest.mark.slow
@pytest.mark.parametrize(
    "data",
    [
        b"\n".join(b".".join([b"a%d" % i] + [b"b"] * 14) + b"=1" for i in range(20_000)),
        b"[[endpoints]]\n" * 70_000,
        b"[[endpoints]]\nname=1\n" * 45_000,
        b"x = [" + b"{}," * 300_000 + b"]",
        b"a" * 1_000_000,
        b'"' * 1_000_000,
        b"\"'" * 500_000,
        b"thresholds={" + b",".join(b"a%d=''" % i for i in range(90_000)) + b"}",
        b"[[endpoints]]\nheaders={" + b",".join(b"a%d=''" % i for i in range(90_000)) + b"}",
        b"\n".join(b"k%d=1" % i for i in range(100_000)),
        b"x = 0x" + b"f" * 1_000_000,
        b"[sessions]\ncount = 0x" + b"f" * 1_000_000,
        b"[sessions]\nattempts_per_second = 0x" + b"f" * 1_000_000,
        b"duration = 0x" + b"f" * 1_000_000,
    ],
)
def test_a_hostile_file_costs_little_time(data):
    start = time.process_time()
    lines = lines_of(data[:LARGEST_FILE])
    assert time.process_time() - start < 8
    assert len(lines) <= 51
    assert all(len(line) <= 1000 for line in lines)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_scenario_or_its_mistakes(data):
    with pytest.raises(ScenarioError) as caught:
        decode_scenario(data, "x")
    assert caught.value.lines
    assert all(line.isprintable() for line in caught.value.lines)


def test_a_tree_that_was_never_a_file_is_checked_too():
    with pytest.raises(ScenarioError, match=r"m\.json: endpoints: missing"):
        scenario_from_tree({"name": "s"}, "m.json")


def test_a_key_of_version_0_1_is_read_by_its_name_of_today():
    text = MINIMAL + b"[witnesses]\nsecond_look = false\n"
    assert not decode_scenario(text, "old.toml").witnesses.fresh_connections
