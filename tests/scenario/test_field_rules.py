"""What fields may hold, checked through whole small scenarios: one row each."""

import pytest

from stresser.model.errors import ScenarioError
from stresser.scenario.convert import struct_type
from stresser.scenario.decode import decode_scenario
from stresser.scenario.field_rules import (
    NAMED,
    RANGES,
    TABLES,
    check_field,
    how_to_write,
    unknown_key,
)
from stresser.scenario.plan import Egress, Endpoint, Scenario, Sessions, Timeouts

ENDPOINT = '[[endpoints]]\nname = "e"\nurl = "wss://h"\n'
HEAD = 'name = "s"\n'


def mistakes_in(text):
    try:
        decode_scenario(text.encode(), "s.toml")
    except ScenarioError as error:
        return list(error.lines)
    return []


@pytest.mark.parametrize(
    "text",
    [
        HEAD + ENDPOINT,
        HEAD + "sessions = { count = 1_000, ramp = '0s' }\n" + ENDPOINT,
        HEAD + ENDPOINT + 'headers = { Authorization = "env:T", Origin = "https://x" }\n',
        HEAD + ENDPOINT + 'sni = "Bücher.example"\nsubprotocols = ["a", "b"]\n',
        HEAD + ENDPOINT + '[[egresses]]\nname = "d"\nsource = "2001:db8::1"\n',
        HEAD + ENDPOINT + '[[activities]]\nname = "a"\n[[activities]]\nkind = "silent"\n',
        HEAD + ENDPOINT + '[activity]\nkind = "silent"\nevery = "1s"\n',
        "\ufeff" + HEAD + ENDPOINT.replace("\n", "\r\n"),
    ],
)
def test_right_scenarios(text):
    assert mistakes_in(text) == []


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("count = 0", "sessions.count: 0 is not between 1 and 1000000"),
        ("count = -5", "sessions.count: -5 is not between"),
        ("count = 10000000", "sessions.count: 10000000 is not between"),
        ("attempts_per_second = 0", "sessions.attempts_per_second: 0 is not between 0.001"),
        ("handshakes_in_flight = 0", "sessions.handshakes_in_flight: 0 is not between"),
        ("workers = 0", "sessions.workers: 0 is not between 1 and 64"),
        ("workers = 65", "sessions.workers: 65 is not between 1 and 64"),
        (
            "workers = 3\nhandshakes_in_flight = 2",
            "sessions.workers: 3 workers have no handshake in flight each",
        ),
        ("reconnect = { jitter = 1.5 }", "sessions.reconnect.jitter: 1.5 is not between 0 and 1"),
        ("reconnect = { jitter = -0.1 }", "sessions.reconnect.jitter: -0.1 is not between"),
        ('reconnect = { initial = "2m" }', 'reconnect.initial: "2m" is more than max, "1m"'),
        ('reconnect = { max = "0s" }', 'sessions.reconnect.max: "0s" is not between "1ms"'),
        ("coutn = 1", 'sessions.coutn: unknown key; did you mean "count"?'),
        ('duration = "8h"', "sessions.duration: unknown key here; it belongs at the top"),
        ('every = "8s"', "sessions.every: unknown key here; it belongs in [activity]"),
        ("zzzz = 1", "sessions.zzzz: unknown key; known are count, ramp, reconnect"),
    ],
)
def test_sessions(text, line):
    found = mistakes_in(f"{HEAD}[sessions]\n{text}\n{ENDPOINT}")
    assert any(line in one for one in found), found


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('headers = { Host = "x" }', "endpoints[0].headers.Host: the WebSocket handshake sets"),
        ('headers = { "a b" = "x" }', 'endpoints[0].headers."a b": "a b" is not a header name'),
        ('headers = { A = "x\\r\\nB: y" }', "endpoints[0].headers.A: the value has a line break"),
        ('headers = { A = "Bearer env:T" }', "env:NAME must be the whole value"),
        ('headers = { A = "env:1" }', '"1" is not the name of an environment variable'),
        ('headers = { A = "1", a = "2" }', "endpoints[0].headers.a: is there twice"),
        ('subprotocols = ["a b"]', 'endpoints[0].subprotocols: "a b" is not a subprotocol'),
        ('subprotocols = ["a", "a"]', "endpoints[0].subprotocols: holds the same text twice"),
        ('alpn = [""]', 'endpoints[0].alpn: "" is not an ALPN id'),
        ('sni = "10.0.0.1"', 'endpoints[0].sni: "10.0.0.1" is not a host name'),
        ('sni = "a b"', 'endpoints[0].sni: "a b" is not a host name'),
        ('ca = ""', 'endpoints[0].ca: "" is not the path of a PEM file'),
        ('ca = "a\\u0000b"', "endpoints[0].ca"),
    ],
)
def test_endpoints(text, line):
    found = mistakes_in(f"{HEAD}{ENDPOINT}{text}\n")
    assert len(found) == 1
    assert line in found[0]


def test_a_tls_endpoint_has_no_upgrade_request():
    found = mistakes_in(
        HEAD + '[[endpoints]]\nname = "e"\nurl = "tls://h"\n'
        'headers = { A = "b" }\nsubprotocols = ["x"]\n'
    )
    assert found == [
        "s.toml: endpoints[0].headers: a tls:// endpoint has no upgrade request to carry them",
        "s.toml: endpoints[0].subprotocols: a tls:// endpoint has no upgrade request to carry them",
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('proxy = "http://p"', 'egresses[0].proxy: "http://p" has no port'),
        ('proxy = "http://u:pw@p:1"', 'egresses[0].proxy: "http://…@p:1" has a user in it'),
        ('proxy = "http://p:1"\nlab = {}', "egresses[0].proxy: the egress has lab already"),
        ('proxy_ca = "a.pem"', "egresses[0].proxy_ca: needs proxy"),
        ('proxy = "http://p:1"\nproxy_ca = "a.pem"', "egresses[0].proxy_ca: only an https://"),
        ('proxy = "http://p:1"\nproxy_user = "env:U"', "needs proxy_password = "),
        ('proxy = "http://p:1"\nproxy_password = "env:P"', "needs proxy_user = "),
        (
            'proxy = "http://p:1"\nproxy_user = "env:U"\nproxy_password = "hunter2"',
            'egresses[0].proxy_password: must come from the environment: write "env:NAME"',
        ),
        ('source = "300.1.1.1"', "is not an IP address of this host"),
        ('interface = "a/b"', "is not the name of an interface"),
        (
            'interface = "e0"\nsource = "::1"',
            "egresses[0].source: the egress has interface already",
        ),
        ('source = "::1"\nlab = {}', "egresses[0].lab: the egress has source already"),
        ('lab = { blackhole_for = "1s" }', "egresses[0].lab.blackhole_for: needs blackhole_at"),
        ('lab = { idle_timeout = "0s" }', 'lab.idle_timeout: "0s" is not between'),
        ("lab = { byte_limit = 8000 }", '8000 needs a unit; write "8000B"'),
        ('lab = { kill = "rst" }', '"rst" is not one of its values; did you mean "reset"?'),
    ],
)
def test_egresses(text, line):
    found = mistakes_in(f'{HEAD}{ENDPOINT}[[egresses]]\nname = "d"\n{text}\n')
    assert len(found) == 1
    assert line in found[0]


@pytest.mark.parametrize("name", ["", "a b", "a/b", "..\\x", "ü", "a" * 65, "a\\n"])
def test_names(name):
    found = mistakes_in(f'name = "{name}"\n{ENDPOINT}')
    assert found[0].startswith(("s.toml: name: ", "s.toml: line 1"))


@pytest.mark.parametrize("key", ["every", "timeout"])
@pytest.mark.parametrize("value", ["0s", "0ns", "-1s", "999d"])
def test_a_heartbeat_needs_time(key, value):
    found = mistakes_in(f'{HEAD}{ENDPOINT}[activity]\n{key} = "{value}"\n')
    assert len(found) == 1
    assert found[0].startswith(f"s.toml: activity.{key}: ")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('kind = "silent"\nprove = "0s"', 'activity.prove: "0s" is not between'),
        ('kind = "silent"\nprove = "5m"\nprove_share = 0', "activity.prove_share: 0 is not"),
        ('kind = "silent"\nprove = "5m"\nprove_share = 1.1', "activity.prove_share: 1.1 is not"),
        ('kind = "silent"\nprove_share = 0.5', "activity.prove_share: needs prove, "),
        ('prove = "5m"', "activity.prove: proves silent sessions, and kind = "),
        ('kind = "keepalive"\nprove = "5m"', "activity.prove: proves silent sessions, and kind ="),
        ('kind = "silent"\nup_to = "5m"', "activity.up_to: ends a search, and kind = "),
        ('kind = "silent"\ntogether = true', "activity.together: follows a search, and kind = "),
    ],
)
def test_what_is_of_one_kind_of_activity_alone(text, line):
    found = mistakes_in(f"{HEAD}{ENDPOINT}[activity]\n{text}\n")
    assert len(found) == 1
    assert line in found[0]


@pytest.mark.parametrize("name", Timeouts.__struct_fields__)
def test_a_timeout_may_not_be_zero(name):
    found = mistakes_in(f'{HEAD}{ENDPOINT}[timeouts]\n{name} = "0s"\n')
    assert found == [f's.toml: timeouts.{name}: "0s" is not between "1ms" and "366d"']


def test_the_tables_of_rules_name_fields_that_exist():
    for cls, name in RANGES:
        assert name in cls.__struct_fields__
    for cls in (*NAMED, *TABLES):
        assert struct_type(cls).fields


def test_every_required_field_says_how_it_is_written():
    for cls in (*NAMED, *TABLES):
        for field in struct_type(cls).fields:
            if field.required:
                assert "write" in how_to_write(cls, field.name)


def test_the_default_of_every_field_obeys_its_rule():
    for cls in TABLES:
        for field in struct_type(cls).fields:
            if (
                not field.required
                and isinstance(field.default, int | float | str)
                and field.default
            ):
                assert check_field(cls, field.name, field.default) == field.default


def test_unknown_keys_of_each_table():
    assert '"proxy"' in unknown_key(Egress, "porxy")
    assert '"activity"' in unknown_key(Scenario, "activty")
    assert "[sessions]" in unknown_key(Endpoint, "handshakes_in_flight")
    assert "top of the file" in unknown_key(Sessions, "thresholds")
