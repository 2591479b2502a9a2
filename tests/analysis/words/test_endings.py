"""One row for each ending: what is said, and that it is never more than was seen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stresser.analysis.words.endings import counted, ended_by_tool, ending_in_words, kind_words
from stresser.model.ending import WORKER_DIED, Initiator, Kind, Phase
from tests.analysis.story import made_ending, seconds

HELD = [
    (
        {"kind": Kind.TCP_RESET, "age_ns": seconds(12), "idle_ns": seconds(4)},
        "reset by TCP RST after 4 s of silence, 12 s after it opened; initiator unknown",
    ),
    (
        {
            "kind": Kind.TCP_RESET,
            "age_ns": seconds(12),
            "idle_ns": seconds(4),
            "initiator": Initiator.MIDDLEBOX,
            "evidence": {"since_sent_ns": seconds(4), "idle_before_send_ns": 0},
        },
        (
            "reset by TCP RST after 4 s of silence, 12 s after it opened (it came unasked);"
            " by a middlebox"
        ),
    ),
    (
        {
            "kind": Kind.TCP_RESET,
            "age_ns": seconds(30.02),
            "idle_ns": seconds(0.02),
            "evidence": {"since_sent_ns": seconds(0.02), "idle_before_send_ns": seconds(15)},
        },
        (
            "reset by TCP RST 20 ms after we had sent into 15 s of silence, 30 s after it opened;"
            " initiator unknown"
        ),
    ),
    (
        {"kind": Kind.TCP_FIN, "idle_ns": None},
        "closed by TCP FIN without a TLS close_notify, 1 s after it opened; initiator unknown",
    ),
    (
        {
            "kind": Kind.WS_CLOSE,
            "code": 1001,
            "reason": "bye",
            "idle_ns": None,
            "initiator": Initiator.ENDPOINT,
        },
        (
            'WebSocket close 1001 (going away) from the TLS end, reason "bye", 1 s after it opened;'
            " by the endpoint"
        ),
    ),
    (
        {"kind": Kind.WS_CLOSE, "code": 4711, "idle_ns": None},
        "WebSocket close 4711 from the TLS end, 1 s after it opened; initiator unknown",
    ),
    (
        {"kind": Kind.TLS_ALERT, "alert": 20, "idle_ns": None},
        (
            "fatal TLS alert 20 (bad_record_mac) from the TLS end, 1 s after it opened;"
            " initiator unknown"
        ),
    ),
    (
        {
            "kind": Kind.SILENCE,
            "age_ns": seconds(20),
            "alive_at_ns": seconds(95),
            "dead_by_ns": seconds(105),
            "evidence": {"ping_sent_ns": seconds(100)},
        },
        (
            "black hole: what we sent was never acknowledged, ping sent at 15 s;"
            " ended between 10 s and 20 s after it opened; initiator unknown"
        ),
    ),
    (
        {
            "kind": Kind.UNRESPONSIVE,
            "age_ns": seconds(20),
            "alive_at_ns": seconds(95),
            "dead_by_ns": seconds(105),
        },
        (
            "unresponsive: TCP acknowledged our ping, no pong came;"
            " ended between 10 s and 20 s after it opened; initiator unknown"
        ),
    ),
    (
        {"kind": Kind.HOST_SLEPT, "initiator": Initiator.HOST},
        "this host slept; ended between 500 ms and 1 s after it opened; by this host",
    ),
    (
        {"kind": Kind.TOOL, "initiator": Initiator.TOOL, "idle_ns": None},
        "stresser's own limit, 1 s after it opened; by stresser itself",
    ),
    (
        {
            "kind": Kind.TOOL,
            "initiator": Initiator.TOOL,
            "idle_ns": None,
            "failure": WORKER_DIED,
        },
        "the worker that held it died, 1 s after it opened; by stresser itself",
    ),
    (
        {"kind": Kind.UNKNOWN, "idle_ns": None},
        "cause unknown, 1 s after it opened; initiator unknown",
    ),
]


@pytest.mark.parametrize(("fields", "words"), HELD)
def test_ending_of_a_session(fields, words):
    assert ending_in_words(made_ending(**fields)) == words


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (
            {"kind": Kind.REFUSED, "phase": Phase.CONNECT, "age_ns": seconds(0.003)},
            (
                "refused (RST in answer to SYN) in phase TCP connect, 3 ms after the attempt began;"
                " initiator unknown"
            ),
        ),
        (
            {"kind": Kind.HTTP_REFUSAL, "phase": Phase.UPGRADE, "status": 503, "reason": "Busy"},
            (
                'upgrade refused with HTTP 503, reason "Busy" in phase WebSocket upgrade,'
                " 1 s after the attempt began; initiator unknown"
            ),
        ),
        (
            {
                "kind": Kind.PROXY_ERROR,
                "phase": Phase.PROXY,
                "status": 407,
                "reason": "Who are you",
                "failure": "proxy_http_407",
                "initiator": Initiator.MIDDLEBOX,
            },
            (
                'refused by the proxy with HTTP 407, reason "Who are you" in phase proxy,'
                " 1 s after the attempt began; by a middlebox"
            ),
        ),
        (
            {
                "kind": Kind.PROXY_ERROR,
                "phase": Phase.PROXY,
                "status": 5,
                "reason": "connection refused",
                "failure": "socks_connection_refused",
                "initiator": Initiator.MIDDLEBOX,
            },
            (
                'refused by the proxy with SOCKS reply 5, reason "connection refused" in phase'
                " proxy, 1 s after the attempt began; by a middlebox"
            ),
        ),
        (
            {"kind": Kind.TLS_ALERT, "phase": Phase.PROXY, "alert": 40},
            (
                "fatal TLS alert 40 (handshake_failure) in phase proxy,"
                " 1 s after the attempt began; initiator unknown"
            ),
        ),
        (
            {"kind": Kind.TIMEOUT, "phase": Phase.TLS, "age_ns": seconds(10)},
            (
                "no answer within our deadline in phase TLS handshake,"
                " 10 s after the attempt began; initiator unknown"
            ),
        ),
    ],
)
def test_ending_of_an_attempt(fields, words):
    assert ending_in_words(made_ending(**fields)) == words


def test_an_alert_in_the_handshake_comes_from_nobody_known():
    ending = made_ending(Kind.TLS_ALERT, phase=Phase.TLS, alert=40)
    assert ending_in_words(ending).startswith("fatal TLS alert 40 (handshake_failure) in phase TLS")


def test_planned_ending():
    ending = made_ending(
        Kind.PLANNED, phase=Phase.CLOSING, planned=True, initiator=Initiator.PLAN, failure=None
    )
    assert ending_in_words(ending) == "ended as planned, 1 s after it opened"


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("phase", Phase)
def test_an_unknown_initiator_is_said_to_be_unknown(kind, phase):
    words = ending_in_words(made_ending(kind, phase=phase))
    assert "initiator unknown" in words
    assert "middlebox" not in words


@given(st.text(), st.sampled_from(list(Kind)))
def test_what_a_peer_says_is_bounded_and_printable(reason, kind):
    words = ending_in_words(made_ending(kind, reason=reason * 1000, code=1000))
    assert words.isprintable()
    assert len(words) < 1200


def test_escapes_do_not_reach_the_terminal():
    words = ending_in_words(made_ending(Kind.WS_CLOSE, code=1000, reason="\x1b[2J\r\nfine"))
    assert r'"\x1b[2J\r\nfine"' in words


@pytest.mark.parametrize(
    ("number", "words"), [(0, "0 drops"), (1, "1 drop"), (1204, "1,204 drops")]
)
def test_counted(number, words):
    assert counted(number, "drop") == words


def test_every_kind_has_words_of_its_own():
    assert len({kind_words(kind) for kind in Kind}) == len(Kind)
    assert kind_words(Kind.TCP_RESET, 2) == "TCP resets"


def test_what_stresser_itself_ended():
    assert list(ended_by_tool(0, 0, 0)) == []
    assert list(ended_by_tool(2, 0, 0)) == ["2 endings through limits of stresser itself"]
    assert list(ended_by_tool(7, 2, 7)) == [
        "2 workers of stresser died, and 7 sessions ended with that"
    ]
    assert list(ended_by_tool(8, 1, 7)) == [
        "1 worker of stresser died, and 7 sessions ended with that",
        "1 ending through limits of stresser itself",
    ]
    assert len(list(ended_by_tool(8, 1, 10**18))) == 1
