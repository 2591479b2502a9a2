"""A client that shares nothing with stresser but the standard library, and that sees all.

TLS over MemoryBIO on a blocking socket: errnos, alerts and truncations come out as they were.
Whatever ends reading is returned as a value: b"" (close_notify), or the exception.
"""

import base64
import hashlib
import os
import socket
import ssl
import struct
import time

DEADLINE_S = 10.0
KEY = base64.b64encode(b"sixteen bytes ok").decode()
ACCEPT = base64.b64encode(
    hashlib.sha1(  # noqa: S324 - RFC 6455 wants it
        f"{KEY}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()
    ).digest()
)
REQUEST = (
    "GET / HTTP/1.1\r\nHost: echo.lab.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    f"Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n"
).encode()
RST = ConnectionResetError
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
TCP_CLOSE, TCP_CLOSE_WAIT, TCP_ESTABLISHED = 7, 8, 1


def client_context(ca_file=None, version=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF
    if ca_file is None:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    else:
        context.load_verify_locations(ca_file)
        context.verify_flags |= ssl.VERIFY_X509_STRICT
    if version is not None:
        number = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}[version]
        context.minimum_version = context.maximum_version = number
    return context


class PlainClient:
    def __init__(self, port, *, context=None, name="echo.lab.test", timeout=DEADLINE_S):
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.port = self.sock.getsockname()[1]
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = (context or client_context()).wrap_bio(
            self.incoming, self.outgoing, server_hostname=name
        )
        self.frames = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def flush(self):
        # Also a send of nothing takes the socket's error, and with it the reset that is to be read.
        if self.outgoing.pending:
            self.sock.sendall(self.outgoing.read())

    def pull(self):
        data = self.sock.recv(65_536)
        if data:
            self.incoming.write(data)
        else:
            self.incoming.write_eof()

    def try_handshake(self):
        """None, or the exception that ended it."""
        try:
            while True:
                try:
                    self.tls.do_handshake()
                except ssl.SSLWantReadError:
                    self.flush()
                    self.pull()
                else:
                    self.flush()
                    return None
        except OSError as error:
            self.sock.settimeout(None)
            return error

    def handshake(self):
        error = self.try_handshake()
        if error is not None:
            raise error
        return self

    def write(self, data):
        self.tls.write(data)
        self.flush()

    def read(self):
        """Plaintext; b"" for close_notify; the exception for any other end."""
        try:
            while True:
                try:
                    return self.tls.read(65_536)
                except ssl.SSLWantReadError:
                    self.pull()
                except ssl.SSLZeroReturnError:
                    return b""
        except OSError as error:
            return error

    def read_end(self):
        """What ends the stream, after all data."""
        while isinstance(data := self.read(), bytes) and data:
            pass
        return data

    def raw_end(self):
        """Whether TCP itself ends now: b"" for FIN, the exception for RST or nothing (timeout)."""
        try:
            while self.sock.recv(65_536):
                pass
        except OSError as error:
            return error
        return b""

    def tcp_state(self):
        return self.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 8)[0]

    def unacked(self):
        info = self.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
        return struct.unpack_from("I", info, 24)[0]

    # WebSocket...

    def upgrade(self):
        self.write(REQUEST)
        head = b""
        while b"\r\n\r\n" not in head:
            data = self.read()
            assert isinstance(data, bytes), data
            assert data, head
            head += data
        head, _, self.frames = head.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 "), head
        assert ACCEPT in head
        return self

    def send_frame(self, opcode, payload=b""):
        key = os.urandom(4)
        masked = bytes(byte ^ key[i % 4] for i, byte in enumerate(payload))
        assert len(payload) < 126
        self.write(bytes((0x80 | opcode, 0x80 | len(payload))) + key + masked)

    def take(self, size):
        """So many plaintext bytes, or what came instead."""
        while len(self.frames) < size:
            data = self.read()
            if not isinstance(data, bytes) or not data:
                return data
            self.frames += data
        taken, self.frames = self.frames[:size], self.frames[size:]
        return taken

    def next_frame(self):
        """(first byte, payload), or what ended the stream."""
        head = self.take(2)
        if not isinstance(head, bytes) or not head:
            return head
        size = head[1] & 0x7F
        if size >= 126:
            size = int.from_bytes(self.take(2 if size == 126 else 8), "big")
        return head[0], self.take(size) if size else b""

    def ping(self, payload=b"p"):
        """Round trip in seconds; the answer must be the pong."""
        started = time.perf_counter()
        self.send_frame(PING, payload)
        while True:
            answer = self.next_frame()
            assert isinstance(answer, tuple), answer
            if answer[0] == 0x80 | PONG:
                assert answer[1] == payload
                return time.perf_counter() - started


def eventually(condition, what, deadline_s=DEADLINE_S):
    """Wait for something that only the kernel knows, by asking it."""
    ends = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < ends, f"never: {what}"
        time.sleep(0.005)  # between two questions, not instead of one


def reason(error):
    """OpenSSL's word for it."""
    assert isinstance(error, ssl.SSLError), error
    return error.reason
