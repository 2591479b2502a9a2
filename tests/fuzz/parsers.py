"""Our own parsers of what peers and the kernel send, each with what must hold whatever comes.

For two fuzzers: `test_parsers.py` damages the seeds by dice, `guided.py` by what the parser's own
branches tell (atheris, which brings no pytest: none is imported here).
"""

import base64
import struct
import time
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

import msgspec

from stresser.bundle.signature import NAMESPACE, SignatureError, checked_key
from stresser.model.faults import ProtocolViolation, ProxyRefused
from stresser.model.proxy_login import MOST_OFFERED
from stresser.net.challenges import challenges_in, offered_by
from stresser.net.digest_login import DigestNonce, strongest
from stresser.net.http_body import skip_body
from stresser.net.http_head import (
    HEAD_LIMIT,
    TELLING,
    header_fields,
    read_head,
    reason_phrase,
    telling_headers,
)
from stresser.net.inbox import Inbox
from stresser.net.mqtt_packets import (
    LONGEST_BODY,
    V5,
    MqttPacket,
    PacketReader,
    connack_of,
    disconnect_of,
)
from stresser.net.pac_functions import PacFunctions
from stresser.net.reflector_hello import Introducer, proved_hello
from stresser.net.socks import connect_through_socks
from stresser.scenario.json_pointer import JsonPointer
from stresser.scenario.pac_answer import entries_of, entry_name
from stresser.scenario.proxy_url import Proxy, parse_proxy
from stresser.scenario.secrets import Secret
from stresser.witness.netlink import KernelRoute, Link, Notice, decode, route_found
from stresser.witness.packet_parse import (
    ICMP_ERROR,
    Stamp,
    headers_of,
    read_icmp,
    read_packet,
    sketch,
)
from tests.witness.made_packets import SERVER_HELLO, extension, icmp, incoming, outgoing

_STAMP = Stamp(0, 0, "tun0", outgoing=False)
_KEY_BYTES = {12, 36}
_TOKEN = Secret("a token of the fuzzers", "FUZZ")
_LONGEST_HEADER = 256
_LONGEST_SENTENCE = 400
_NOON = time.strptime("2026-07-15 12:00:00", "%Y-%m-%d %H:%M:%S")
_MOST_CHALLENGES = 16


class Parser(NamedTuple):
    """`check` raises where what must hold does not."""

    check: Callable[[bytes], None]
    seeds: list[bytes]


def packets(data: bytes) -> None:
    """`sketch` and what is read of it later, of packets in either direction."""
    for sent in (False, True):
        seen = sketch(data, outgoing=sent)
        if seen is None:
            continue
        assert len(seen.key) in _KEY_BYTES
        assert len(seen.headers) <= len(data)
        is_error = seen.what is ICMP_ERROR
        read = read_icmp if is_error else read_packet
        assert len(msgspec.json.encode(read(seen.headers, _STAMP))) < 4096
    headers = headers_of(data)
    if headers is not None:
        assert 0 <= read_packet(headers, _STAMP).length < 1 << 17


def messages(data: bytes) -> None:
    """An answer to a message: put together from pieces, and searched by JSON pointers."""
    whole: list[str | bytes] = []

    def keep(message: str | bytes) -> bool:
        whole.append(message)
        return False

    inbox = Inbox(keep)
    for at in range(0, len(data), 7):
        inbox.take(data[at : at + 7], at + 7 >= len(data))
    assert b"".join(one for one in whole if isinstance(one, bytes)) == data
    for pointer in ("", "/id/1/a~0b", "/type", "/0/0"):
        for text in JsonPointer(pointer).texts_in(data):
            assert len(text) < 16 * len(data) + 16


def netlink(data: bytes) -> None:
    """A datagram of routing messages, and the answer to one question."""
    for one in decode(data):
        thing = one.thing if isinstance(one, Notice) else None
        if isinstance(thing, Link):
            assert len(thing.name) <= len(data) * 4 + 20
        if isinstance(thing, KernelRoute):
            assert len(thing.hops) <= len(data)
            assert isinstance(thing.covers_everything, bool)
    for sequence in (0, 7):
        route_found(data, sequence)


class _Sent(Exception):
    """There is no more."""


def challenges(data: bytes) -> None:
    """What a 407 asks for, and what Digest makes of it: one line, of latin-1."""
    head = b"HTTP/1.1 407 No\r\nProxy-Authenticate: %b\r\n\r\n" % data.replace(b"\r\n", b"")
    found = challenges_in(head)
    assert len(found) <= _MOST_CHALLENGES
    assert len(offered_by(found)) < MOST_OFFERED
    chosen = strongest(found)
    if chosen is not None:
        answer = DigestNonce(chosen).answer(_TOKEN, _TOKEN, "CONNECT", "h:443")
        assert answer.isprintable()
        assert answer.encode("latin-1")


def http_body(data: bytes) -> None:
    """A body that comes in portions; its first byte says how large they are."""
    size = 1 + (data[0] if data else 0) * 16
    head, _, body = data[1:].partition(b"\r\n\r\n")
    portions = iter([body[at : at + size] for at in range(0, len(body), size)])

    async def receive() -> bytes:
        for portion in portions:
            return portion
        raise _Sent

    try:
        skip_body(b"HTTP/1.1 407 No\r\n%b\r\n\r\n" % head, b"", receive).send(None)
    except StopIteration as done:
        left = done.value
    except _Sent:
        return
    assert left is None or left in body


def http_head(data: bytes) -> None:
    """An answer that comes in portions; its first byte says how large they are."""
    size = 1 + (data[0] if data else 0) * 16
    portions = iter([data[at : at + size] for at in range(1, len(data), size)])
    taken = 0

    async def receive() -> bytes:
        nonlocal taken
        for portion in portions:
            taken += len(portion)
            return portion
        raise _Sent

    coroutine = read_head(receive)
    try:
        coroutine.send(None)
    except StopIteration as done:
        head, behind = done.value
    except (_Sent, ProtocolViolation):
        assert taken <= HEAD_LIMIT + size
        return
    assert len(head) + len(behind) <= taken
    assert len(reason_phrase(head)) <= _LONGEST_HEADER
    told = telling_headers(header_fields(head), TELLING)
    assert told.keys() <= TELLING
    assert all(len(value) <= _LONGEST_HEADER for value in told.values())
    place = told.get("location", "")
    assert "?" not in place
    assert "#" not in place


def socks(data: bytes) -> None:
    """All that a proxy answers, byte by byte."""
    left = bytearray(data)

    class Channel:
        async def send_all(self, data: bytes) -> None:
            pass

        async def receive_some(self, max_bytes: int | None = None) -> bytes:
            some = bytes(left[:max_bytes])
            del left[:max_bytes]
            if not some:
                raise _Sent
            return some

    with suppress(_Sent, ProtocolViolation, ProxyRefused, StopIteration):
        connect_through_socks(Channel(), "name.example", 443, (_TOKEN, _TOKEN)).send(None)


def hello(data: bytes) -> None:
    """A tester's line, of whom the token proves it."""
    text = data.decode("latin-1")
    said = proved_hello(text, _TOKEN)
    assert said is None or text.encode() == _HELLO


def mqtt(data: bytes) -> None:
    """Packets of a broker, at once and in two pieces: the same, and nothing long is kept."""
    found = []
    for cut in (len(data), len(data) // 2):
        reader, packets = PacketReader(), list[MqttPacket]()
        with suppress(ValueError):
            for piece in (data[:cut], data[cut:]):
                packets += reader.feed(piece)
        found.append(packets)
    assert found[0] == found[1]
    for packet in found[0]:
        assert len(packet.body) <= LONGEST_BODY
        with suppress(ValueError):
            connack_of(packet.body, V5)
            disconnect_of(packet.body)


def signature(data: bytes) -> None:
    """A signature in a bundle: none but ours is one of this message."""
    with suppress(SignatureError):
        raise AssertionError(checked_key(data, b"a message nobody signed"))


def pac_answer(data: bytes) -> None:
    """What a PAC file returned: a list that is gone through, or one sentence."""
    said = ""
    entries: tuple[Proxy | None, ...] = ()
    try:
        entries = entries_of(data.decode("latin-1"))
    except ValueError as refused:
        said = str(refused)
    assert said.isprintable()
    assert len(said) < _LONGEST_SENTENCE
    assert said or 1 <= len(entries) <= len(data) + 1
    assert all(one is None or one == parse_proxy(entry_name(one)) for one in entries)


def pac_calls(data: bytes) -> None:
    """Whatever a script gives to the functions that it may call: none of them raises."""
    name, *words = data.decode("latin-1").split("\0")
    given: list[object] = [int(one) if one.isdigit() and len(one) < 9 else one for one in words]
    table = PacFunctions(lambda _: ["192.0.2.1", "2001:db8::1"], [], lambda _: _NOON).table()
    for function in [table[name]] if name in table else table.values():
        with suppress(TypeError):  # as many as there are, or fewer: else the script fails
            function(*given[:7])


def _message(kind: int, body: bytes, *, sequence: int = 7, flags: int = 2) -> bytes:
    head = struct.pack("=IHHII", 16 + len(body), kind, flags, sequence, 0)
    return head + body + bytes(-len(body) % 4)


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def _string(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


_ROUTE = struct.pack("=BBBBBBBBI", 2, 24, 0, 0, 254, 3, 0, 1, 0)
_WORDS = _attribute(1, b"\x0a\1\2\0") + _attribute(5, b"\xc0\0\2\1") + _attribute(4, b"\4\0\0\0")
_HOPS = _attribute(9, struct.pack("=HBBi", 16, 0, 0, 4) + _attribute(5, b"\xc0\0\2\4"))
_LINK = struct.pack("=BxHiII", 0, 1, 4, 0x10043, 0) + _attribute(3, b"tun0\0")
_INFO = _attribute(18, _attribute(1, b"wireguard\0"))
_HELLO = Introducer(run="ab" * 16, token=_TOKEN, anchor_unix_ns=0).hello(3, 0).encode()
_SIGNED = _string(b"ssh-ed25519") + _string(bytes(32))
_FIELDS = (
    _SIGNED,
    NAMESPACE.encode(),
    b"",
    b"sha512",
    _string(b"ssh-ed25519") + _string(bytes(64)),
)
_SIGNATURE = b"SSHSIG\0\0\0\1" + b"".join(map(_string, _FIELDS))

PARSERS = {
    "packets": Parser(
        packets,
        [
            incoming("SA"),
            incoming("R", ttl=63, window=0),
            outgoing("FA", v6=True),
            incoming("PA", payload=SERVER_HELLO, options=bytes(4), tcp_options=bytes(8)),
            incoming("SA", v6=True, extensions=extension(60) + extension(6), first_extension=0),
            icmp(3, 4, word=1400),
            icmp(2, 0, v6=True, word=1280),
        ],
    ),
    "netlink": Parser(
        netlink,
        [
            _message(24, _ROUTE + _WORDS) + _message(25, _ROUTE + _HOPS, flags=0),
            _message(16, _LINK + _INFO) + _message(3, bytes(4)),
            _message(20, struct.pack("=BBBBI", 2, 24, 0, 0, 4) + _attribute(2, b"\x0a\1\2\3")),
            _message(32, _ROUTE + _attribute(2, b"\x0a\1\2\0") + _attribute(3, b"eth0\0")),
            _message(2, struct.pack("=i", -101)),
        ],
    ),
    "http_head": Parser(
        http_head,
        [
            b"\x00HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x81\x02hi",
            (
                b"\x01HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 407 No\r\n"
                b'Proxy-Authenticate: Basic realm="r"\r\nVia: 1.1 squid\r\nVia: 1.1 b\r\n\r\n'
            ),
            b"\x05HTTP/1.0 302 Found\r\nLocation: https://u:p@login.example/a;s=1?t=2#f\r\n\r\n",
        ],
    ),
    "messages": Parser(
        messages,
        [b'{"type":3,"id":[1,{"a~b":2}]}\x1e{}\x1e', b'{"error":"no"}', b"\x1e[[[[]]]]", b'"\xc3'],
    ),
    "challenges": Parser(
        challenges,
        [
            b'Digest realm="a, b", nonce="n", qop="auth,auth-int", algorithm=MD5, Basic realm=r',
            b'Negotiate YII=, NTLM TlRMTVNTUAACAAA=, Digest realm="\\"", opaque="", nonce=1',
        ],
    ),
    "http_body": Parser(
        http_body,
        [
            b"\x00Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nA: b\r\n\r\nmore",
            b"\x02Content-Length: 4\r\nConnection: keep-alive\r\n\r\nbodymore",
        ],
    ),
    "mqtt": Parser(
        mqtt,
        [
            b"\x20\x02\0\0\xd0\0\x30\x04\0\1ax",
            b"\x20\x0f\0\x87\x0c\x13\0\x1e\x1f\0\6no way\xe0\2\x8b\0",
            b"\x30\x80\x80\x08" + bytes(64),
            b"HTTP/1.1 400 Bad Request\r\n\r\n",
        ],
    ),
    "socks": Parser(
        socks,
        [b"\5\0\5\0\0\1" + bytes(6), b"\5\2\1\0\5\0\0\3\4name\1\xbb", b"\5\0\5\5\0\1", b"\5\xff"],
    ),
    "pac_answer": Parser(
        pac_answer,
        [
            b"PROXY a.example.net:8080; HTTPS [2001:db8::1]; DIRECT",
            b"SOCKS5 p:1080; SOCKS p:1080",
        ],
    ),
    "pac_calls": Parser(
        pac_calls,
        [
            b"isInNet\x0010.1.2.3\x0010.0.0.0\x00255.0.0.0",
            b"isInNetEx\x002001:db8::1\x002001:db8::/32",
            b"shExpMatch\x00www.example.net\x00*.exa?ple.*",
            b"dateRange\x001\x00JUN\x0015\x00AUG\x00GMT",
            b"timeRange\x009\x0030\x0017\x000",
            b"weekdayRange\x00MON\x00FRI\x00GMT",
            b"sortIpAddressList\x00::1;10.0.0.1",
        ],
    ),
    "hello": Parser(hello, [_HELLO, b"v1 " + b"0" * 32]),
    "signature": Parser(
        signature,
        [
            b"-----BEGIN SSH SIGNATURE-----\n"
            + base64.b64encode(_SIGNATURE)
            + b"\n-----END SSH SIGNATURE-----\n"
        ],
    ),
}
