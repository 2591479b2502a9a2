"""A broker's client in virtual time: pings as often as the broker wants, and its patience."""

import pytest
from wsproto.events import BytesMessage, CloseConnection

from stresser.model.ending import Kind
from stresser.model.units import NS_PER_S, Duration
from stresser.net.mqtt import MqttLogin
from stresser.net.mqtt_packets import V5
from stresser.scenario.plan import Activity, ActivityKind
from tests.fakes.certificates import server_context
from tests.fakes.peers import WebSocketPeer
from tests.fakes.world import life

LOGIN = MqttLogin(version=V5, client_id="probe", keep_alive_s=30)
EVERY_15_S = Activity(
    kind=ActivityKind.MQTT, name="mqtt", every=Duration.parse("15s"), timeout=Duration.parse("9s")
)


def broker(connack, answers=10_000):
    """In a WebSocket: so many PINGREQs are answered, and no more."""

    async def program(far):
        peer = await WebSocketPeer.accept(far, server_context())
        left = answers
        while (event := await peer.next_event()) is not None:
            if isinstance(event, CloseConnection):
                await peer.send(event.response())
                return
            if isinstance(event, BytesMessage) and event.data[0] == 0x10:
                await peer.send(BytesMessage(bytes.fromhex(connack)))
            elif isinstance(event, BytesMessage) and event.data == b"\xc0\0" and left:
                left -= 1
                await peer.send(BytesMessage(b"\xd0\0"))

    return program


@pytest.mark.parametrize(
    ("connack", "every_s"),
    [
        ("2003 0000 00", 15),
        ("2006 0000 03 13 000a", 10),  # it wants a ping in 10 s
        ("2006 0000 03 13 012c", 15),  # in 300 s: more often is allowed
    ],
)
def test_it_pings_as_often_as_the_broker_wants(connack, every_s):
    made = life(broker(connack), 3601, activity=EVERY_15_S, mqtt=LOGIN)
    ended = made.notebook.only_ended()
    assert (ended.pings, ended.pongs) == (3600 // every_s, 3600 // every_s)
    assert ended.ending.kind is Kind.PLANNED
    assert ended.ending.evidence.close == "answered"
    assert ended.quiet_survived_ns == pytest.approx(every_s * NS_PER_S, rel=0.01)
    assert made.around.bugs.count == 0


def test_a_broker_that_answers_no_more_is_given_up_after_the_timeout():
    made = life(broker("2003 0000 00", answers=2), 100, activity=EVERY_15_S, mqtt=LOGIN)
    ended = made.notebook.only_ended()
    assert (ended.pings, ended.pongs) == (3, 2)
    assert ended.ending.failure in {"no_pong", "generic_timeout_error"}
    assert ended.ending.detected_at_ns == pytest.approx(54 * NS_PER_S, rel=0.01)
