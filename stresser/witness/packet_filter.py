"""Which packets the kernel hands to the packet witness: a classic BPF program (socket(7)).

The kernel runs it on every packet of every interface, so whatever is not ours must leave it
early: flags first, addresses last. It lets pass, of TCP with a known remote end:

* FIN and RST in both directions,
* SYN-ACK and a segment that begins with a TLS ServerHello, incoming,

and ICMP errors that quote a segment to a known remote address. Each packet passes once with
its direction seen from our end: loopback shows all of them twice, outgoing and incoming, and
only the sender's copy of what we send and the receiver's copy of what we receive are ours.
"""

import socket
import struct
from functools import lru_cache
from typing import TypeVar

from stresser.model.units import shown

T = TypeVar("T")

SNAP_BYTES = 192
"""So much of a packet is kept: two IP headers with options, and what ICMP quotes of TCP."""
HEADER_BYTES = 80
"""So much where only headers are wanted: IPv4's with options and the beginning of TCP's."""
MOST_REMOTES = 64
"""Beyond so many addresses the filter looks at ports alone, beyond so many ports at neither."""

Instruction = tuple[int, int, int, int]
"""code, jump if true, jump if false, k: `struct sock_filter` (linux/filter.h)."""

# linux/bpf_common.h: class, size and mode, or class, operation and source.
_LD_W, _LD_H, _LD_B = 0x20, 0x28, 0x30  # A = packet[k]
_LD_XW, _LD_XH, _LD_XB = 0x40, 0x48, 0x50  # A = packet[X + k]
_LD_M, _LDX_M, _ST, _STX = 0x60, 0x61, 0x02, 0x03  # the sixteen cells M[k]
_LDX_IMM, _LDX_HEADER_LENGTH = 0x01, 0xB1  # X = k; X = 4 * (packet[k] & 15)
_AND, _RSH, _LSH, _ADD, _ADD_X, _TAX, _TXA = 0x54, 0x74, 0x64, 0x04, 0x0C, 0x07, 0x87
_JEQ, _JGT, _JGE, _JSET, _JA, _RET = 0x15, 0x25, 0x35, 0x45, 0x05, 0x06
_PACKET_TYPE = 0xFFFFF004  # SKF_AD_OFF + SKF_AD_PKTTYPE
_HOST, _OUTGOING = 0, 4  # packet(7), sll_pkttype

_TRANSPORT, _PORT, _NEXT = 0, 1, 2  # cells
_TCP, _ICMP, _ICMPV6 = 6, 1, 58
_IPV4_MAPPED = bytes(10) + b"\xff\xff"  # RFC 4291 section 2.5.5.2
_EXTENSIONS = (0, 43, 60)  # RFC 8200: hop-by-hop, routing, destination options
MOST_EXTENSIONS = 3


Ports = tuple[int, int]
"""The first and the last of a range."""


class Remotes:
    """The remote ends that the filter lets pass, as few facts as a program can hold.

    Addresses and ports are looked at apart: a packet from one remote's address with another's
    port passes, and the reader drops it.
    """

    def __init__(self, *, whole: bool = False, own: Ports | None = None) -> None:
        """With `whole`, the headers of each of their segments pass, in both directions.

        `own`: of segments those from and to these ports of ours alone.
        """
        self._own = own
        self._addresses: set[bytes] = set()
        self._ports: set[int] = set()
        self._whole = whole

    def add(self, address: bytes, port: int) -> bool:
        """Let a remote end pass (4 or 16 bytes in network order). True: a new program is due."""
        grown = _add(self._addresses, address)
        return _add(self._ports, port) or grown

    def program(self) -> list[Instruction]:
        """The program for the remote ends known so far."""
        looked_at = _looked_at(self._addresses), _looked_at(self._ports)
        return _Program(*looked_at, whole=self._whole, own=self._own).instructions()


def _add(known: set[T], one: T) -> bool:
    if one in known or len(known) > MOST_REMOTES:
        return False
    known.add(one)
    return True


def _looked_at(known: set[T]) -> tuple[T, ...] | None:
    return tuple(known) if len(known) <= MOST_REMOTES else None


@lru_cache(maxsize=128)
def remote_end(text: str) -> tuple[bytes, int]:
    """`192.0.2.1:443` or `[2001:db8::1]:443` as it stands in packets.

    A scope (`%eth0`) is left out, and an IPv4-mapped address is IPv4 on the wire.

    Raises:
        ValueError: it is not an address with a port.
    """
    host, _, port = text.rpartition(":")
    host = host.strip("[]").partition("%")[0]
    try:
        packed_address = socket.inet_pton(socket.AF_INET6 if ":" in host else socket.AF_INET, host)
    except OSError:
        raise ValueError(f"{shown(text)} has no address") from None
    if not port.isdecimal() or int(port) >= 1 << 16:
        raise ValueError(f"{shown(text)} has no port")
    return packed_address.removeprefix(_IPV4_MAPPED), int(port)


def assembled(program: list[Instruction]) -> bytes:
    """As an array of `struct sock_filter`."""
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in program)


class _Program:
    """A tiny assembler: labels, and conditional jumps that reach any distance."""

    def __init__(
        self,
        addresses: tuple[bytes, ...] | None,
        ports: tuple[int, ...] | None,
        *,
        whole: bool,
        own: Ports | None,
    ) -> None:
        self._whole = whole
        self._own = own
        self._code: list[tuple[int, int, int, int | str]] = []
        self._labels: dict[str, int] = {}
        self._addresses = addresses
        self._ports = ports
        self._ip()
        self._extensions()
        self._segment()
        self._direction()
        self._error()
        for version, bytes_long in ((4, 4), (6, 16)):
            self._port_of(version)
            self._address_of(version, bytes_long)
        self._label("drop")
        self._do(_RET, 0)
        self._label("keep")
        self._do(_RET, HEADER_BYTES if whole else SNAP_BYTES)

    def instructions(self) -> list[Instruction]:
        """With every label in its place."""
        done = []
        for place, (code, true, false, k) in enumerate(self._code):
            target = self._labels[k] - place - 1 if isinstance(k, str) else k
            done.append((code, true, false, target))
        return done

    def _do(self, code: int, k: int = 0) -> None:
        self._code.append((code, 0, 0, k))

    def _label(self, name: str) -> None:
        self._labels[name] = len(self._code)

    def _go(self, label: str) -> None:
        self._code.append((_JA, 0, 0, label))

    def _if(self, code: int, k: int, label: str) -> None:
        # A conditional jump reaches 255 instructions, an unconditional one reaches them all.
        self._code.append((code, 0, 1, k))
        self._go(label)

    def _unless(self, code: int, k: int, label: str) -> None:
        self._code.append((code, 1, 0, k))
        self._go(label)

    def _ip(self) -> None:
        self._do(_LD_B, 0)
        self._do(_AND, 0xF0)
        self._if(_JEQ, 0x60, "ipv6")
        self._unless(_JEQ, 0x40, "drop")
        self._do(_LD_H, 6)
        self._if(_JSET, 0x1FFF, "drop")  # not the first fragment: no TCP header
        self._do(_LDX_HEADER_LENGTH, 0)
        self._do(_LD_B, 9)
        self._if(_JEQ, _TCP, "tcp")
        self._if(_JEQ, _ICMP, "icmp")
        self._go("drop")

    def _extensions(self) -> None:
        self._label("ipv6")
        self._do(_LDX_IMM, 40)
        self._do(_LD_B, 6)
        for number in range(MOST_EXTENSIONS + 1):
            self._if(_JEQ, _TCP, "tcp")
            self._if(_JEQ, _ICMPV6, "icmpv6")
            if number == MOST_EXTENSIONS:
                self._go("drop")
                return
            for kind in _EXTENSIONS:
                self._if(_JEQ, kind, f"extension {number}")
            self._go("drop")
            self._label(f"extension {number}")
            self._step_over_extension()

    def _step_over_extension(self) -> None:
        # RFC 8200 section 4: the next header's kind, then this one's length in 8 bytes less one.
        self._do(_LD_XB, 0)
        self._do(_ST, _NEXT)
        self._do(_LD_XB, 1)
        self._do(_ADD, 1)
        self._do(_LSH, 3)
        self._do(_ADD_X)
        self._do(_TAX)
        self._do(_LD_M, _NEXT)

    def _segment(self) -> None:
        self._label("tcp")
        self._do(_STX, _TRANSPORT)
        if self._whole:
            self._go("an end")
        self._do(_LD_XB, 13)
        self._if(_JSET, 0x05, "an end")  # FIN or RST
        self._do(_AND, 0x12)
        self._if(_JEQ, 0x12, "an answer")  # SYN and ACK
        self._do(_LD_XB, 12)
        self._do(_AND, 0xF0)
        self._do(_RSH, 2)
        self._do(_ADD_X)
        self._do(_TAX)
        # RFC 8446 section 5.1 and 4: a record of handshake messages, the first a ServerHello.
        self._do(_LD_XB, 0)
        self._unless(_JEQ, 22, "drop")
        self._do(_LD_XB, 5)
        self._unless(_JEQ, 2, "drop")

    def _direction(self) -> None:
        self._label("an answer")
        self._do(_LD_B, _PACKET_TYPE)
        self._if(_JEQ, _HOST, "incoming")
        self._go("drop")
        self._label("an end")
        self._do(_LD_B, _PACKET_TYPE)
        self._if(_JEQ, _HOST, "incoming")
        self._unless(_JEQ, _OUTGOING, "drop")
        self._remote_at(port=2, own=0, ipv4=16, ipv6=24, name="outgoing")
        self._label("incoming")
        self._remote_at(port=0, own=2, ipv4=12, ipv6=8, name="from it")

    def _remote_at(self, *, port: int, own: int, ipv4: int, ipv6: int, name: str) -> None:
        self._do(_LDX_M, _TRANSPORT)
        if self._own is not None:
            self._do(_LD_XH, own)
            self._unless(_JGE, self._own[0], "drop")
            self._if(_JGT, self._own[1], "drop")
        self._do(_LD_XH, port)
        self._do(_ST, _PORT)
        self._do(_LD_B, 0)
        self._do(_AND, 0xF0)
        self._if(_JEQ, 0x60, f"{name} by IPv6")
        self._do(_LDX_IMM, ipv4)
        self._go("port 4")
        self._label(f"{name} by IPv6")
        self._do(_LDX_IMM, ipv6)
        self._go("port 6")

    def _error(self) -> None:
        # The quoted segment went from us to the remote end; it begins 8 bytes into the message.
        for name, kinds, protocol, destination, version in (
            ("icmp", (3, 11), 9, 16, 4),
            ("icmpv6", (1, 2, 3), 6, 24, 6),
        ):
            self._label(name)
            self._do(_LD_B, _PACKET_TYPE)
            self._unless(_JEQ, _HOST, "drop")
            self._do(_LD_XB, 0)
            for kind in kinds:
                self._if(_JEQ, kind, f"{name} error")
            self._go("drop")
            self._label(f"{name} error")
            self._do(_LD_XB, 8 + protocol)
            self._unless(_JEQ, _TCP, "drop")
            self._do(_TXA)
            self._do(_ADD, 8 + destination)
            self._do(_TAX)
            self._go(f"address {version}")

    def _port_of(self, version: int) -> None:
        self._label(f"port {version}")
        if self._ports is None:
            return
        self._do(_LD_M, _PORT)
        for port in self._ports:
            self._if(_JEQ, port, f"address {version}")
        self._go("drop")

    def _address_of(self, version: int, bytes_long: int) -> None:
        self._label(f"address {version}")
        if self._addresses is None:
            self._go("keep")
            return
        for number, address in enumerate(self._addresses):
            if len(address) == bytes_long:
                self._compare(address, f"not {version}.{number}")
        self._go("drop")

    def _compare(self, address: bytes, otherwise: str) -> None:
        for place, (word,) in enumerate(struct.iter_unpack("!I", address)):
            self._do(_LD_XW, 4 * place)
            self._unless(_JEQ, word, otherwise)
        self._go("keep")
        self._label(otherwise)
