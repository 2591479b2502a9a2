"""A connection to a broker: what is sent and read on a stream, to each of its ends."""

import socket
from contextlib import asynccontextmanager, contextmanager

import pytest
import trio

from stresser.model.faults import MqttDisconnected, MqttRefused, PeerFin, ProtocolViolation
from stresser.net.fair_share import FairShare, Turns
from stresser.net.mqtt import Mqtt, MqttLogin
from stresser.net.mqtt_packets import V3, V5
from stresser.net.plain_stream import PlainStream
from stresser.net.tap import Tap
from stresser.scenario.secrets import Secret
from stresser.witness.clock import RunClock
from tests.net.peers import run, tcp_pair

LOGIN = MqttLogin(
    version=V5, client_id="probe", keep_alive_s=30, user=Secret("U", "ann"),
    password=Secret("P", "pw"),
)  # fmt: skip
WELCOME = bytes.fromhex("2003000000")


@contextmanager
def opened(version=V5):
    near, far = tcp_pair()
    with near, far:
        yield Mqtt(PlainStream(Tap(near, RunClock())), version=version, framed=False), far


@asynccontextmanager
async def logged_in(said, version=V5):
    with opened(version) as (broker, far):
        far.sendall(said)
        await broker.log_in(LOGIN.connect_packet("7"))
        yield broker, far


async def drained(broker: Mqtt, pongs: list[bytes]) -> None:
    await broker.drain(pongs.append, FairShare(Turns(), RunClock()))


def test_a_login_tells_the_sessions_apart_and_carries_the_secrets():
    packet = LOGIN.connect_packet("7")
    assert packet.endswith(b"\0\x07probe-7\0\3ann\0\2pw")
    assert LOGIN.connect_packet("8") != packet
    assert "pw" not in repr(LOGIN)


def test_it_logs_in_pings_and_says_goodbye_once():
    async def story():
        pongs: list[bytes] = []
        async with logged_in(WELCOME) as (broker, far):
            broker.ping_nowait(b"")
            broker.close_nowait()
            broker.close_nowait()
            far.sendall(broker.pong + bytes.fromhex("3005000161") + b"\0x")
            far.shutdown(socket.SHUT_WR)
            with pytest.raises(PeerFin):
                await drained(broker, pongs)
            assert (pongs, broker.messages) == ([b""], 1)
            await trio.lowlevel.wait_readable(far)
            assert far.recv(1000) == LOGIN.connect_packet("7") + b"\xc0\0\xe0\0"

    run(story)


def test_what_the_broker_wants_for_keep_alive_is_kept():
    async def story():
        async with logged_in(bytes.fromhex("2006 0000 03 13 000a")) as (broker, _):
            assert broker.welcome.keep_alive_s == 10

    run(story)


@pytest.mark.parametrize(
    ("said", "version", "fault", "words"),
    [
        ("20020005", V3, MqttRefused, "CONNACK 5 not authorized"),
        ("2005 00 8a 02 1f00", V5, ProtocolViolation, "propert"),
        ("d000", V3, ProtocolViolation, "PINGRESP before CONNACK"),
        ("485454502f312e31203430300d0a", V3, ProtocolViolation, "no packet that MQTT allows"),
    ],
)
def test_a_login_that_fails(said, version, fault, words):
    async def story():
        with pytest.raises(fault, match=words):
            async with logged_in(bytes.fromhex(said), version):
                raise AssertionError("it was let in")

    run(story)


@pytest.mark.parametrize(("version", "fault"), [(V5, MqttDisconnected), (V3, PeerFin)])
def test_a_disconnect_is_version_fives_alone(version, fault):
    welcome = WELCOME if version == V5 else bytes.fromhex("20020000")

    async def story():
        async with logged_in(welcome, version) as (broker, far):
            far.sendall(bytes.fromhex("e0028b00"))
            far.shutdown(socket.SHUT_WR)
            with pytest.raises(fault):
                await drained(broker, [])

    run(story)


def test_in_a_websocket_packets_are_binary_messages():
    async def story():
        pongs: list[bytes] = []
        near, far = tcp_pair()
        with near, far:
            broker = LOGIN.framed(PlainStream(Tap(near, RunClock())), b"\x82\x05" + WELCOME)
            await broker.log_in(LOGIN.connect_packet("7"))
            assert broker.pong == b"\x82\x02\xd0\0"
            far.sendall(b"\x82\x01\xd0\x82\x01\0\x81\x02hi")  # a pong in two, then a text
            with pytest.raises(ProtocolViolation, match="a text message"):
                await drained(broker, pongs)
            assert pongs == [b""]

    run(story)
