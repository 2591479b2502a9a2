"""MQTT's packets: bytes of the standard's own examples and of mosquitto, both versions."""

import pytest

from stresser.net.mqtt_packets import (
    LONGEST_BODY,
    V3,
    V5,
    BrokerWord,
    MqttPacket,
    PacketReader,
    PacketType,
    connack_of,
    connect_packet,
    disconnect_of,
)


@pytest.mark.parametrize(
    ("version", "user", "password", "wanted"),
    [
        (V3, None, None, "100d 0004 4d515454 04 02 001e 0001 61"),
        (V5, None, None, "100e 0004 4d515454 05 02 001e 00 0001 61"),
        (V3, b"u", b"pw", "1014 0004 4d515454 04 c2 001e 0001 61 0001 75 0002 7077"),
        (V5, b"u", None, "1011 0004 4d515454 05 82 001e 00 0001 61 0001 75"),
    ],
)
def test_connect(version, user, password, wanted):
    assert connect_packet(version, "a", 30, user, password) == bytes.fromhex(wanted)


def test_a_long_connect_has_a_length_of_two_bytes():
    packet = connect_packet(V3, "a", 0, None, b"x" * 200)
    assert packet[1:3] == bytes((0xD7, 0x01))
    assert len(packet) == 3 + 215


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_packets_come_in_pieces(size):
    data = bytes.fromhex("20020000 d000 3004 0001 6178 e000")
    reader = PacketReader()
    found = [one for at in range(0, len(data), size) for one in reader.feed(data[at : at + size])]
    assert [one.type.name for one in found] == ["CONNACK", "PINGRESP", "PUBLISH", "DISCONNECT"]
    assert found[0].body == b"\0\0"
    assert reader.is_idle


def test_what_is_too_long_is_passed_over():
    size = LONGEST_BODY + 1
    head = bytes((0x30, 0x80 | size & 0x7F, 0x80 | size >> 7 & 0x7F, size >> 14))
    reader = PacketReader()
    found: list[MqttPacket] = []
    for piece in (head, bytes(size - 1), b"\0\xd0\0"):
        found += reader.feed(piece)
    assert found == [MqttPacket(PacketType.PUBLISH, b""), MqttPacket(PacketType.PINGRESP, b"")]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "PUBACK with the flags 0x8"),
        (b"\x10\0", "1 is not a valid PacketType"),
        (b"\xc0\0", "12 is not a valid PacketType"),
        (b"\xd1\0", "PINGRESP with the flags"),
        (b"\xd0\xff\xff\xff\xff", "a length of more than four bytes"),
        (b"\xe0\xff\xff\xff\x7f", "DISCONNECT of 268435455 bytes"),
    ],
)
def test_what_no_broker_may_send(data, why):
    with pytest.raises(ValueError, match=why):
        list(PacketReader().feed(data))


@pytest.mark.parametrize(
    ("body", "version", "wanted"),
    [
        ("0000", V3, BrokerWord(0, "")),
        ("0005", V3, BrokerWord(5, "not authorized")),
        ("00 63", V3, BrokerWord(0x63, "")),
        ("0000 00", V5, BrokerWord(0, "normal disconnection")),
        ("0087 00", V5, BrokerWord(0x87, "not authorized")),
        ("0000 03 13 001e", V5, BrokerWord(0, "normal disconnection", 30)),
        ("0087 05 1f 0002 6e6f", V5, BrokerWord(0x87, "not authorized: no")),
        ("0087 09 26 0001 61 0001 62 24 01", V5, BrokerWord(0x87, "not authorized")),
    ],
)
def test_connack(body, version, wanted):
    assert connack_of(bytes.fromhex(body), version) == wanted


@pytest.mark.parametrize("body", ["", "00", "0200", "0000 05", "0000 02 1f00", "0000 02 7f00"])
def test_a_malformed_connack(body):
    with pytest.raises(ValueError, match=r"CONNACK|propert"):
        connack_of(bytes.fromhex(body), V5)


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ("", BrokerWord(0, "normal disconnection")),
        ("8b", BrokerWord(0x8B, "server shutting down")),
        ("9d 06 1c 0003 612e62", BrokerWord(0x9D, "server moved")),
        ("ff 00", BrokerWord(0xFF, "")),
    ],
)
def test_disconnect(body, wanted):
    assert disconnect_of(bytes.fromhex(body)) == wanted


def test_a_brokers_text_is_cut():
    body = bytes((0x87, 0x81, 0x08, 0x1F, 0x03, 0xFE)) + b"x" * 0x3FE
    assert len(disconnect_of(body).reason) == len("not authorized: ") + 256
