"""What an ending counts as, and how it stands to our last send: one row a case."""

import pytest

from stresser.classify.standing import DERIVED, make_ending
from stresser.model.ending import Ending, Grade, Initiator, Kind, NoDrop, Phase
from stresser.model.evidence import Evidence, TcpInfo
from stresser.model.units import NS_PER_S

S = NS_PER_S


def ending(kind=Kind.TCP_RESET, *, phase=Phase.HELD, who=Initiator.UNKNOWN, alive=80, **evidence):
    """A session that opened at 0 and ended at 100 s; something last passed at 99 s."""
    return make_ending(
        phase=phase,
        kind=kind,
        failure=None,
        initiator=who,
        grade=Grade.ERRNO,
        planned=kind is Kind.PLANNED,
        age_ns=100 * S,
        idle_ns=1 * S,
        alive_at_ns=alive * S,
        dead_by_ns=100 * S,
        detected_at_ns=100 * S,
        evidence=Evidence(**evidence),
    )


@pytest.mark.parametrize(
    ("made", "is_drop", "no_drop"),
    [
        (ending(), True, None),
        (ending(Kind.FOUND_DEAD), True, None),
        (ending(who=Initiator.HOST), True, None),  # it took down its own tunnel: that counts
        (ending(Kind.PLANNED, phase=Phase.CLOSING), False, NoDrop.PLANNED),
        (ending(Kind.PLANNED, phase=Phase.TLS), False, NoDrop.PLANNED),
        (ending(Kind.HOST_SLEPT), False, NoDrop.HOST_SLEPT),
        (ending(who=Initiator.HOST, why=["host-unfit"]), False, NoDrop.HOST_UNFIT),
        (ending(Kind.TOOL), False, NoDrop.TOOL),
        (ending(who=Initiator.TOOL, why=["tool-unfit"]), False, NoDrop.TOOL),
        (ending(Kind.REFUSED, phase=Phase.CONNECT), False, None),
        (ending(Kind.TOOL, phase=Phase.CONNECT), False, NoDrop.TOOL),
    ],
)
def test_one_predicate_says_what_a_drop_is(made, is_drop, no_drop):
    assert (made.is_drop, made.no_drop) == (is_drop, no_drop)


@pytest.mark.parametrize(
    ("kind", "alive", "since", "answers"),
    [
        (Kind.TCP_RESET, 80, 0.5, True),
        (Kind.TCP_FIN, 80, 0.5, True),
        (Kind.TCP_RESET, 80, 1.5, False),  # too late for an answer
        (Kind.TCP_RESET, 99.8, 0.5, False),  # its pong came after the send
        (Kind.WS_CLOSE, 80, 0.5, False),  # who says goodbye was alive
    ],
)
def test_an_answer_to_our_send(kind, alive, since, answers):
    sent = {"since_sent_ns": int(since * S), "idle_before_send_ns": 15 * S}
    made = ending(kind, alive=alive, **sent)
    assert made.answers_send is answers
    assert made.silence_ns == (15 * S if answers else 1 * S)


def test_without_a_send_nothing_is_an_answer():
    assert (ending().answers_send, ending().unasked) == (False, False)


@pytest.mark.parametrize(
    ("since", "rtt_ms", "unasked"), [(0.5, 20, False), (1.5, 20, True), (1.5, 500, False)]
)
def test_what_came_long_after_our_send_came_unasked(since, rtt_ms, unasked):
    info = TcpInfo(
        state="CLOSE", retransmits=0, probes=0, backoff=0, unacked=0, notsent_bytes=0,
        total_retrans=0, last_data_sent_ms=0, last_data_recv_ms=0, last_ack_recv_ms=0,
        rtt_us=rtt_ms * 1000, rttvar_us=0, pmtu=1500, bytes_received=0,
    )  # fmt: skip
    assert ending(since_sent_ns=int(since * S), tcp_info=info).unasked is unasked


def test_an_end_that_nobody_announced_is_measured_from_the_silence_we_sent_into():
    assert ending(Kind.SILENCE, idle_before_send_ns=15 * S).silence_ns == 15 * S


def test_what_is_derived_is_part_of_an_ending():
    assert set(DERIVED) < set(Ending.__struct_fields__)
