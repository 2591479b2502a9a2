"""The bare ends that the findings put around other software: a WebSocket origin and a client.

Both work on bytes, so that what is measured is the box or library between or opposite them. The
client keeps TLS in memory (MemoryBIO): it tells a close_notify, a FIN and a RST apart.
"""

import base64
import fcntl
import hashlib
import re
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 section 1.3
UNANSWERED_PING = b"\x89\x80\1\2\3\4"
"""An empty ping as a client sends it, masked."""
changed: list[str] = []


def same(what: str, seen: object, stated: object) -> None:
    """Print what was seen, and keep in mind whether it is what the finding states."""
    agrees = seen == stated
    print(f"{'as stated' if agrees else 'CHANGED  '}  {what}: {seen}", flush=True)
    if not agrees:
        changed.append(f"{what}: {seen!r} instead of {stated!r}")


def about(text: str, low: int, high: int) -> str:
    """Replace 'after N s' by the range if N lies in it: a busy machine is late."""
    found = re.search(r"after (\d+) s", text)
    if not found or not low <= int(found[1]) <= high:
        return text
    return text.replace(found[0], f"after {low} to {high} s")


def finish() -> None:
    """End the process: status 1 and one line for each behaviour that changed."""
    for line in changed:
        print(f"CHANGED: {line}", file=sys.stderr)
    sys.exit(1 if changed else 0)


def accept_upgrade(peer: socket.socket) -> None:
    """Answer one WebSocket handshake; EOFError if the peer leaves in it."""
    head = b""
    while b"\r\n\r\n" not in head:
        more = peer.recv(4096)
        if not more:
            raise EOFError
        head += more
    lines = (line.partition(b":") for line in head.split(b"\r\n"))
    key = next(value.strip() for name, _, value in lines if name.lower() == b"sec-websocket-key")
    peer.sendall(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: "
        + base64.b64encode(hashlib.sha1(key + MAGIC, usedforsecurity=False).digest())
        + b"\r\n\r\n"
    )


def frame(opcode: int, payload: bytes) -> bytes:
    """Return one final frame as a server sends it (RFC 6455 section 5.2)."""
    size = len(payload)
    if size < 126:
        return bytes([0x80 | opcode, size]) + payload
    if size < 65536:
        return struct.pack(">BBH", 0x80 | opcode, 126, size) + payload
    return struct.pack(">BBQ", 0x80 | opcode, 127, size) + payload


def close_frame(code: int, reason: bytes = b"") -> bytes:
    """Return a server's close frame."""
    return frame(8, struct.pack(">H", code) + reason)


def unmasked(data: bytes) -> bytes:
    """Return the payload of one short masked frame."""
    return bytes(byte ^ data[2 + at % 4] for at, byte in enumerate(data[6:]))


def reset(peer: socket.socket) -> None:
    """Close so that the kernel sends a RST."""
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()


def ending_of(peer: socket.socket, within: float) -> str:
    """Read until the peer ends the connection; 'FIN', 'RST' or 'held' after so many seconds."""
    until = time.monotonic() + within
    while (left := until - time.monotonic()) > 0:
        peer.settimeout(left)
        try:
            if not peer.recv(4096):
                return "FIN"
        except ConnectionResetError:
            return "RST"
        except TimeoutError:
            break
    return "held"


class Origin:
    """A WebSocket server on loopback; `peer` is the session that was accepted last."""

    def __init__(self, port: int) -> None:
        """Listen on that port."""
        self.listener = socket.create_server(("127.0.0.1", port))
        self.peers: list[socket.socket] = []
        self.came = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            peer, _ = self.listener.accept()
            try:
                accept_upgrade(peer)
            except (EOFError, OSError):
                continue
            self.peers.append(peer)
            self.came.set()

    def peer_of(self, client: Callable[[], "Client"]) -> "tuple[Client, socket.socket]":
        """Open a session by `client` and return both its ends."""
        self.came.clear()
        opened = client()
        if not self.came.wait(5):
            raise TimeoutError("the origin saw no session")
        return opened, self.peers[-1]


class Client:
    """A WebSocket session through `raw`, with TLS or without."""

    def __init__(self, raw: socket.socket, *, tls: bool) -> None:
        """Shake hands, up to the 101."""
        self.raw = raw
        self.tls = tls
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        if tls:
            self._handshake()
        self.send(
            b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        head = b""
        while b"\r\n\r\n" not in head:
            head += self.recv()
        if b" 101 " not in head:
            raise ConnectionError(head.decode("latin-1"))

    def _handshake(self) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self._tls = context.wrap_bio(self._in, self._out, server_hostname="localhost")
        while True:
            try:
                self._tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self._flush()
                self._feed()
        self._flush()

    def _flush(self) -> None:
        self.raw.sendall(self._out.read())

    def _feed(self) -> None:
        data = self.raw.recv(65536)
        if not data:
            raise EOFError("FIN")
        self._in.write(data)

    def send(self, data: bytes) -> None:
        """Send application data."""
        if not self.tls:
            self.raw.sendall(data)
            return
        self._tls.write(data)
        self._flush()

    def recv(self) -> bytes:
        """Return application data; EOFError says 'FIN' or 'close_notify'."""
        while self.tls:
            try:
                if data := self._tls.read(65536):
                    return data
                raise EOFError("close_notify")
            except ssl.SSLZeroReturnError:
                raise EOFError("close_notify") from None
            except ssl.SSLWantReadError:
                self._feed()
        data = self.raw.recv(65536)
        if not data:
            raise EOFError("FIN")
        return data

    def story(self, within: float) -> list[str]:
        """Return what arrives up to the end: 'close 1000', 'close_notify', 'FIN', ..."""
        heard: list[str] = []
        self.raw.settimeout(within)
        try:
            while True:
                data = self.recv()
                is_close = len(data) >= 4 and data[0] == 0x88
                heard.append(f"close {int.from_bytes(data[2:4], 'big')}" if is_close else "data")
        except EOFError as error:
            heard.append(str(error))
        except OSError as error:
            heard.append("held" if isinstance(error, TimeoutError) else "RST")
        if heard[-1] == "close_notify":
            heard.append(ending_of(self.raw, within))
        return heard


def held_for(client: Client, peer: socket.socket, who: str, seconds: float) -> str:
    """Hold a session while `who` sends twice a second; say who saw which ending after how long.

    `who` is 'client' (pings that nobody answers), 'origin' (data that nobody answers) or 'neither'.
    """
    began = time.monotonic()
    ends = {"client": client.raw, "origin": peer}
    while (age := time.monotonic() - began) < seconds:
        for name, end in ends.items():
            if (ending := ending_of(end, 0.05)) != "held":
                return f"{name} saw a {ending} after {round(age)} s"
        if who == "client":
            client.send(UNANSWERED_PING)
        elif who == "origin":
            peer.sendall(frame(2, b"x"))
        time.sleep(0.4)
    return "held"


def loopback_up() -> None:
    """Bring `lo` up in a new network namespace (SIOCSIFFLAGS, netdevice(7))."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh14x", b"lo", 0x1))


def nft(rules: str) -> None:
    """Load these rules in place of all that were there."""
    subprocess.run(["nft", "-f", "-"], input=f"flush ruleset\n{rules}", text=True, check=True)


def dropping(rules: list[str]) -> str:
    """Return a table that applies these rules to all that arrives."""
    lines = "\n".join(rules)
    return f"table inet t {{\nchain c {{\ntype filter hook input priority 0;\n{lines}\n}}\n}}\n"


def black_hole(port: int) -> str:
    """Return a table that drops all packets from and to that port."""
    return dropping([f"tcp sport {port} drop", f"tcp dport {port} drop"])


Life = Callable[..., str]


@contextmanager
def behind_haproxy(configuration: str) -> Iterator[Life]:
    """Run HAProxy before an origin on port 8000; `life`, yielded, holds one TCP session."""
    listener = socket.create_server(("127.0.0.1", 8000))

    def life(port: int, losing: Callable[[int], str], *, pushes: bool, within: float) -> str:
        """Say how the origin's side goes on once `losing` (of the client's port) is in force."""
        client = socket.create_connection(("127.0.0.1", port))
        peer, _ = listener.accept()
        peer.sendall(b"x")
        client.recv(1)
        nft(losing(client.getsockname()[1]))
        began = time.monotonic()
        try:
            while (age := time.monotonic() - began) < within:
                if pushes:
                    peer.sendall(b"x")
                if ending_of(peer, 0.5) != "held":
                    return f"ended after {round(age)} s"
        except OSError:
            return f"ended after {round(age)} s"
        finally:
            nft("")
            client.close()
            peer.close()
        return f"held for {within} s"

    with subprocess.Popen(["haproxy", "-db", "-f", configuration]) as box:
        try:
            for _ in range(100):
                with socket.socket() as first:
                    if first.connect_ex(("127.0.0.1", 8001)) == 0:
                        break
                time.sleep(0.1)
            listener.accept()[0].close()
            yield life
        finally:
            box.terminate()
