import pytest
from hypothesis import given
from hypothesis import strategies as st

from stresser.lab import behaviours
from stresser.lab.behaviours import FaultPhase, When, known_behaviours, parse_behaviour
from stresser.lab.connect_faults import ACCEPT_FAULTS
from stresser.lab.held_faults import HELD_FAULTS
from stresser.lab.tls_faults import TLS_FAULTS
from stresser.lab.upgrade_faults import UPGRADE_FAULTS
from stresser.model.units import NS_PER_MS, NS_PER_S, Duration

ELSEWHERE = {  # no function of their own: a port, a certificate, an engine
    "reflect",
    "mqtt",
    "refused",
    "blackhole-connect",
    "expired",
    "wrong-name",
    "self-signed",
    "needs-client-cert",
    "echo",
    "push",
    "hub",
}


@pytest.mark.parametrize(
    ("argument", "number", "text", "empty", "when"),
    [
        ("", 1000, "", False, When()),
        ("1001", 1001, "", False, When()),
        ("1001:going-away", 1001, "going-away", False, When()),
        ("1001:going-away@300ms", 1001, "going-away", False, When(Duration(300 * NS_PER_MS))),
        ("1001@5s", 1001, "", False, When(Duration(5 * NS_PER_S))),
        ("@5s", 1000, "", False, When(Duration(5 * NS_PER_S))),
        ("none@lab+5s", 0, "", True, When(Duration(5 * NS_PER_S), since_lab_start=True)),
        ("4000:a:b@0s", 4000, "a:b", False, When(Duration(0))),
    ],
)
def test_ws_close_takes_code_reason_and_moment(argument, number, text, empty, when):
    one = parse_behaviour("wss", "ws-close", argument)
    assert (number, text, empty, when) == (one.number, one.text, one.empty, one.when)


@pytest.mark.parametrize("argument", ["5s", "@5s"])
def test_without_a_value_the_argument_is_the_moment(argument):
    assert parse_behaviour("tls", "reset", argument).when == When(Duration(5 * NS_PER_S))


def test_the_default_moment_is_200_ms_after_the_opening():
    assert parse_behaviour("tls", "reset").when == When(Duration(200 * NS_PER_MS))


@pytest.mark.parametrize(
    ("behaviour", "argument", "number"),
    [
        ("refuse", "", 503),
        ("refuse", "404", 404),
        ("redirect", "", 302),
        ("alert-in-tls", "", 40),
        ("alert-in-tls", "0", 0),
        ("push", "50", 50),
        ("flood", "0@1s", 0),
        ("drip-in-tls", "250ms", 250 * NS_PER_MS),
        ("drip", "10ms@1s", 10 * NS_PER_MS),
    ],
)
def test_numbers(behaviour, argument, number):
    assert parse_behaviour("wss", behaviour, argument).number == number


@pytest.mark.parametrize(
    ("scheme", "behaviour", "argument", "said"),
    [
        ("http", "echo", "", "wss, tls, ws or tcp"),
        ("wss", "ecko", "", "it knows echo, reflect, hub, mqtt, push, refused"),
        ("tls", "deaf", "", "lab+tls knows no behaviour"),
        ("tls", "refuse", "503", "lab+tls knows no behaviour"),
        ("wss", "echo", "5s", "takes no argument"),
        ("wss", "refuse", "99", "from 200 to 599"),
        ("wss", "refuse", "5x", "from 200 to 599"),
        ("wss", "refuse", "9" * 5000, "from 200 to 599"),
        ("wss", "refuse", "٥٠٣", "from 200 to 599"),
        ("wss", "alert-in-tls", "256", "from 0 to 255"),
        ("wss", "push", "0", "from 1 to"),
        ("wss", "ws-close", "70000", "CODE"),
        ("wss", "ws-close", "going-away", "CODE"),
        ("wss", "ws-close", "1000:" + "x" * 124, "at most 123 bytes"),
        ("wss", "ws-close", "1000:" + "é" * 62, "at most 123 bytes"),
        ("wss", "ws-close", "1000@soon", "is not a duration"),
        ("wss", "reset", "tomorrow", "is not a duration"),
        ("wss", "reset", "lab+", "is not a duration"),
        ("wss", "drip", "0s", "longer than nothing"),
        ("wss", "bad-frame", "bit", "opcode or mask"),
        ("wss", "\x1b[2J", "", "\\x1b[2J"),
    ],
)
def test_mistakes_are_told(scheme, behaviour, argument, said):
    with pytest.raises(ValueError, match=r"^[^\n\x1b]+$") as caught:
        parse_behaviour(scheme, behaviour, argument)
    assert said in str(caught.value)


MARKS = {
    frozenset({"wss", "tls", "ws", "tcp"}): "all",
    frozenset({"wss", "tls"}): "tls",
    frozenset({"wss", "ws"}): "ws",
    frozenset({"wss"}): "wss",
}


def test_each_behaviour_has_its_code_and_its_row_in_the_table():
    rows = behaviours.__doc__.splitlines()
    known = {name for scheme in ("wss", "tls", "ws", "tcp") for name in known_behaviours(scheme)}
    faults = {*ACCEPT_FAULTS, *TLS_FAULTS, *UPGRADE_FAULTS, *HELD_FAULTS}
    assert known == faults | ELSEWHERE
    for name in known:
        marks = [row.split()[1] for row in rows if row.startswith(f"  {name} ")]
        schemes = {one for one in ("wss", "tls", "ws", "tcp") if name in known_behaviours(one)}
        assert marks == [MARKS[frozenset(schemes)]], name


def test_upgrade_faults_need_a_websocket():
    for name in known_behaviours("tls"):
        assert parse_behaviour("tls", name).phase is not FaultPhase.UPGRADE


@given(st.sampled_from(known_behaviours("wss")), st.text(max_size=40))
def test_any_argument_is_read_or_refused(name, argument):
    try:
        told = parse_behaviour("wss", name, argument).name
    except ValueError as error:
        told = str(error)
    assert name in told
    assert told.isprintable()
