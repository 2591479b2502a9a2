"""The packets of what was dropped or failed as a file for Wireshark, with what each of them was.

Made from the recorded events alone. Each packet's headers are those that came, as long as the
events hold them (`raw`); where they do not, in a redacted bundle above all, headers are made from
the recorded fields, with the stand-ins' numbers as addresses and with checksums that are right.
"""

import re
import struct
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import IO, NamedTuple

import stresser
from stresser.model.ending import BRACKETED, Ending
from stresser.model.errors import RunFolderError
from stresser.model.events import AnyEvent, AttemptFailed, SessionEnded
from stresser.model.packet import FlowPackets, IcmpError, Packet, PacketOrigin
from stresser.model.units import escaped
from stresser.record.atomic_write import why_not, write_atomically
from stresser.record.folder import shown_path
from stresser.record.pcapng import PcapngWriter

PACKETS = "drops.pcapng"
MOST_PACKETS = 400_000
"""Some 64 MiB: those of 50,000 drops. The packets of all are in the events."""
_STAND_IN = re.compile(r"(?:[a-z]+-)+?0*([0-9]{1,9})(?:\..*)?")
_PORT = re.compile(r"[0-9]{1,5}")
_STAND_INS_V4 = int(IPv4Address("198.18.0.0"))  # RFC 2544: for tests of network devices
_STAND_INS_V6 = int(IPv6Address("2001:db8::"))  # RFC 3849: for documentation
_MOST_V4 = 1 << 17
_TCP, _ICMP, _ICMPV6 = 6, 1, 58
_V4_BYTES, _V6_BYTES, _TCP_BYTES, _ICMP_BYTES = 20, 40, 20, 8
_LETTERS = "FSRPAUEC"
_DONT_FRAGMENT = 0x4000
_PARTS = {Packet: _TCP_BYTES, IcmpError: _ICMP_BYTES}
Address = IPv4Address | IPv6Address


class _Flow(NamedTuple):
    """One connection's ends."""

    local: tuple[str, int]
    remote: tuple[str, int]


class DropPackets:
    """Writes the packets of what a run's events say was dropped or failed. Holds none."""

    def __init__(
        self,
        file: IO[bytes],
        *,
        session: int | None = None,
        attempt: int | None = None,
        most: int = MOST_PACKETS,
    ) -> None:
        """All drops and failures; or one session's or attempt's alone, dropped or not."""
        self._writer = PcapngWriter(file, f"stresser {stresser.__version__}")
        self._session, self._attempt, self._room = session, attempt, most
        self._run = ""
        self.packets = 0
        """How many were written."""

    def of_run(self, name: str) -> None:
        """From now on comments name this run."""
        self._run = f"{name}, " if name else ""

    def event(self, event: AnyEvent) -> None:
        """One event, in order."""
        if not isinstance(event, SessionEnded | AttemptFailed) or not self._is_asked_for(event):
            return
        flow, seen = _flow_of(event), event.ending.evidence.packets
        if flow is None or seen is None or self.packets >= self._room:
            return
        what = f"session {event.session}" if isinstance(event, SessionEnded) else (
            f"attempt {event.attempt}"
        )  # fmt: skip
        for packet, comment in _commented(seen, event.ending):
            self._write(packet, flow, f"{self._run}{what}{comment}")

    def _is_asked_for(self, event: SessionEnded | AttemptFailed) -> bool:
        if self._session is None and self._attempt is None:
            is_drop = isinstance(event, AttemptFailed) or event.ending.is_drop
            return is_drop and not event.ending.planned
        if isinstance(event, SessionEnded) and self._session is not None:
            return event.session == self._session
        return self._attempt is not None and event.attempt == self._attempt

    def _write(self, packet: Packet | IcmpError, flow: _Flow, comment: str) -> None:
        data, length = _bytes_of(packet, flow)
        self._writer.packet(
            data,
            unix_ns=packet.unix_ns,
            interface=packet.interface,
            outgoing=isinstance(packet, Packet) and packet.outgoing,
            comment=comment,
            length=length,
        )
        self.packets += 1


def write_capture(path: Path, data: bytes) -> None:
    """Write what was collected.

    Raises:
        RunFolderError: it cannot be written.
    """
    try:
        write_atomically(path, data, durable=False)
    except (OSError, ValueError) as error:
        raise RunFolderError(f"{shown_path(path)}: cannot be written: {why_not(error)}") from error


def _flow_of(event: SessionEnded | AttemptFailed) -> _Flow | None:
    far = event.remote if event.proxy is None else event.proxy.rpartition("//")[2]
    ends = _end(event.local), _end(far)
    return None if None in ends else _Flow(*ends)  # type: ignore[arg-type]  # none of them is


def _end(text: str | None) -> tuple[str, int] | None:
    host, _, port = (text or "").rpartition(":")
    if not host or not _PORT.fullmatch(port) or int(port) >= 1 << 16:
        return None
    return host.strip("[]").partition("%")[0], int(port)


def _commented(seen: FlowPackets, ending: Ending) -> Iterator[tuple[Packet | IcmpError, str]]:
    """Each packet with what it was, in the order of the kernel's stamps."""
    named: list[tuple[Packet | IcmpError, str]] = []
    named += [(one, ": SYN-ACK") for one in (seen.syn_ack,) if one is not None]
    named += [(one, ": ServerHello") for one in (seen.server_hello,) if one is not None]
    named += [(one, _end_words(one, ending.evidence.origin)) for one in seen.ends]
    named += [(one, f": ICMP, {one.words}") for one in seen.icmp]
    known = {(one.unix_ns, one.outgoing, one.seq) for one, _ in named if isinstance(one, Packet)}
    named += [
        (one, f": {'sent' if one.outgoing else 'received'}, {one.length:,} bytes of data")
        for one in seen.last
        if (one.unix_ns, one.outgoing, one.seq) not in known
    ]
    named.sort(key=lambda pair: pair[0].unix_ns)
    if named and ending.evidence.origin is None and ending.kind in BRACKETED:
        last, words = named[-1]
        named[-1] = last, f"{words}; no packet ended it: {escaped(ending.kind.value)}"
    yield from named


def _end_words(packet: Packet, origin: PacketOrigin | None) -> str:
    what = "reset" if "R" in packet.flags else "FIN"
    if origin is None or (packet.t_ns, packet.outgoing, packet.flags) != (
        origin.t_ns, origin.outgoing, origin.flags,
    ):  # fmt: skip
        return f": {what}" + (" of this host" if packet.outgoing else "")
    if packet.outgoing:
        return f", {what}, sent by this host itself"
    usual = origin.peer_ttl
    if usual is None:
        return f", {what}, TTL {packet.ttl}"
    but = "as" if usual == packet.ttl else "where"
    return f", {what}, TTL {packet.ttl} {but} the endpoint's packets carry {usual}"


def _bytes_of(packet: Packet | IcmpError, flow: _Flow) -> tuple[bytes, int]:
    """Headers, and how long the packet was with what is not kept of it."""
    raw = b"" if packet.raw is None else bytes.fromhex(packet.raw)
    if _is_whole(raw, _PARTS[type(packet)]):
        is_v4 = raw[0] >> 4 == 4  # noqa: PLR2004 - IPv4
        (size,) = struct.unpack_from("!H", raw, 2 if is_v4 else 4)
        return raw, size if is_v4 else size + _V6_BYTES
    if isinstance(packet, IcmpError):
        return _icmp(packet, flow), 0
    headers = _segment(packet, flow)
    return headers, len(headers) + packet.length


def _is_whole(raw: bytes, part: int) -> bool:
    """It comes from a file: headers of one version, as long as they say."""
    version = raw[0] >> 4 if raw else 0
    if version == 4:  # noqa: PLR2004 - IPv4
        return len(raw) == 4 * (raw[0] & 15) + part and len(raw) >= _V4_BYTES + part
    return version == 6 and len(raw) >= _V6_BYTES + part  # noqa: PLR2004 - IPv6


def _segment(packet: Packet, flow: _Flow) -> bytes:
    source, destination = (flow.local, flow.remote) if packet.outgoing else (
        flow.remote, flow.local,
    )  # fmt: skip
    is_v4 = packet.ip_id is not None
    ends = _address(source[0], is_v4=is_v4), _address(destination[0], is_v4=is_v4)
    flags = sum(1 << bit for bit, letter in enumerate(_LETTERS) if letter in packet.flags)
    tcp = struct.pack("!HHIIBBHHH", source[1], destination[1], packet.seq, packet.ack, 5 << 4,
                      flags, packet.window, 0, 0)  # fmt: skip
    length = min(packet.length, 65_535 - _V4_BYTES - _TCP_BYTES)
    # Right where there is no payload; with one, nobody knows its bytes and nobody can check it.
    tcp = tcp[:16] + _checksum(_pseudo(ends, _TCP, _TCP_BYTES + length) + tcp) + tcp[18:]
    fragment = _DONT_FRAGMENT if packet.df else 0
    head = _ip(ends, _TCP, _TCP_BYTES + length, packet.ttl, (packet.ip_id or 0, fragment))
    return head + tcp


def _icmp(error: IcmpError, flow: _Flow) -> bytes:
    """The error's own eight bytes and the quoted segment's first: ports and all (RFC 792)."""
    is_v4 = not error.offender.count(":") and ":" not in flow.local[0]
    ends = _address(error.offender, is_v4=is_v4), _address(flow.local[0], is_v4=is_v4)
    quoted_ends = ends[1], _address(flow.remote[0], is_v4=is_v4)
    ports = struct.pack("!HHI", flow.local[1], flow.remote[1], 0)
    quote = _ip(quoted_ends, _TCP, len(ports), 64, (0, 0)) + ports
    body = struct.pack("!BBHI", error.type, error.code, 0, error.mtu or 0) + quote
    protocol = _ICMP if is_v4 else _ICMPV6
    summed = body if is_v4 else _pseudo(ends, protocol, len(body)) + body
    body = body[:2] + _checksum(summed) + body[4:]
    return _ip(ends, protocol, len(body), 64, (0, 0)) + body


def _ip(
    ends: tuple[Address, Address], protocol: int, size: int, ttl: int, identity: tuple[int, int]
) -> bytes:
    source, destination = (end.packed for end in ends)
    if ends[0].version == 6:  # noqa: PLR2004 - IPv6
        return struct.pack("!IHBB", 6 << 28, size, protocol, ttl) + source + destination
    head = struct.pack("!BBHHHBBH", 0x45, 0, _V4_BYTES + size, *identity, ttl, protocol, 0)
    head += source + destination
    return head[:10] + _checksum(head) + head[12:]


def _pseudo(ends: tuple[Address, Address], protocol: int, size: int) -> bytes:
    """RFC 9293 section 3.1, RFC 8200 section 8.1: summed up, both are the same."""
    return ends[0].packed + ends[1].packed + struct.pack("!II", size, protocol)


def _checksum(data: bytes) -> bytes:
    """RFC 1071."""
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return struct.pack("!H", ~total & 0xFFFF)


def _address(text: str, *, is_v4: bool) -> Address:
    """The address itself; of a stand-in, by its number, one that is kept for tests or documents."""
    try:
        found = ip_address(text)
    except ValueError:
        stand_in = _STAND_IN.fullmatch(text)
        number = int(stand_in[1]) if stand_in else 0
        if is_v4:
            return IPv4Address(_STAND_INS_V4 + number % _MOST_V4)
        return IPv6Address(_STAND_INS_V6 + number)
    if found.version == 4 and not is_v4:  # noqa: PLR2004 - mapped (RFC 4291 section 2.5.5.2)
        return IPv6Address(bytes(10) + b"\xff\xff" + found.packed)
    if isinstance(found, IPv6Address) and is_v4:
        return found.ipv4_mapped or IPv4Address(_STAND_INS_V4)
    return found
