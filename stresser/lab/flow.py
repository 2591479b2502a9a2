"""One TCP flow through a lab middlebox: relays both directions until an end or one of its kills.

Idle time, age and bytes are those of TCP's payload on both sides, handshakes included.
"""

import socket
import ssl
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import trio

from stresser.lab.corruptor import RecordCorruptor
from stresser.lab.departed import hold_vanished
from stresser.lab.direction import Direction, Relayed
from stresser.lab.tls_faults import read_first_record
from stresser.lab.tls_session import TlsSession
from stresser.lab.wire import GONE, Wire
from stresser.model.kill import Kill
from stresser.model.units import NS_PER_S
from stresser.scenario.lab_table import Middlebox

_NEVER: Final = float("inf")
_HANDSHAKE: Final = b"\x16"


class Hole:
    """The black hole of one middlebox: all its flows look at it before they send."""

    def __init__(self) -> None:
        self.is_open = False
        self._over = trio.Event()

    def open(self) -> None:
        """Nothing passes from now on."""
        if not self.is_open:
            self.is_open = True
            self._over = trio.Event()

    def close(self) -> None:
        """Everything passes again."""
        self.is_open = False
        self._over.set()

    async def wait_closed(self) -> None:
        """Return at once while the hole is closed."""
        if self.is_open:
            await self._over.wait()


@dataclass(frozen=True, kw_only=True)
class Box:
    """What a flow needs of its middlebox."""

    rules: Middlebox
    dial: Callable[[], Awaitable[Wire]]
    """Connect to the endpoint."""
    hole: Hole
    to_client: ssl.SSLContext | None
    """Where TLS is inspected: the context that signs leaves."""
    to_endpoint: ssl.SSLContext | None
    killed: "Callable[[Flow, str, int], None]"
    """Takes note: the flow, the rule, nanoseconds since the epoch."""


class _Side(Wire):
    """One of a flow's two sockets; the flow counts what it brings."""

    def __init__(self, wire: Wire, heard: Callable[[bytes], bytes]) -> None:
        super().__init__(wire.socket)
        self._heard = heard

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        data = await super().receive_some(max_bytes)
        return self._heard(data) if data else data


class Flow:
    """Both halves of a forwarded connection."""

    def __init__(self, accepted: Wire, box: Box) -> None:
        self.began = self.last_byte = trio.current_time()
        addresses = accepted.addresses()
        self.client_port = addresses[1][1] if addresses else 0
        """The client's TCP port; 0 when it had left before it was accepted."""
        self._box = box
        self._rules = box.rules
        self._client = _Side(accepted, self._heard_client)
        self._upstream: _Side | None = None
        self._bytes = 0
        self._killed = False
        self._is_spared = box.rules.intercept
        """What is no TLS, or has not begun, an inspecting box only forwards, whatever its rules."""
        self._corruptor = RecordCorruptor() if self._rules.corrupt_at is not None else None
        self._scope = trio.CancelScope()

    async def run(self) -> None:
        """Relay until both directions have ended, one side has reset, or a rule kills."""
        try:
            with self._scope:
                await self._relay_under_watch()
            if self._killed:
                await self._see_out()
        finally:
            for side in self._sides():
                side.close()

    def vanish(self) -> None:
        """Cut both sides off: the black hole begins."""
        for side in self._sides():
            side.vanish()

    def reappear(self) -> None:
        """The black hole is over; a silent kill is for ever."""
        if not (self._killed and self._rules.kill is Kill.SILENT):
            for side in self._sides():
                side.reappear()

    def _sides(self) -> list[_Side]:
        return [self._client, self._upstream] if self._upstream else [self._client]

    # Relaying...

    async def _relay_under_watch(self) -> None:
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._watch)
                await self._relay()
                nursery.cancel_scope.cancel()
        except* (OSError, *GONE):
            # What one side did, the other shall see; unless this box tells its client nothing.
            if self._is_stalled():
                await self._client.discard()
            elif not self._killed:
                self._reset()

    async def _relay(self) -> None:
        try:
            wire = await self._box.dial()
        except OSError:
            await self._client.wait_for_first_byte()
            raise
        self._upstream = _Side(wire, self._heard_endpoint)
        if self._box.hole.is_open:
            self._upstream.vanish()
        if self._rules.on_client_hello:
            if await read_first_record(self._client):
                self._kill("on_client_hello")
            return
        near, far = await self._ends(self._client, self._upstream)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._direction(near, far, self._admit_to_endpoint).run)
            nursery.start_soon(self._direction(far, near, self._admit_to_client).run)

    async def _ends(self, client: Wire, upstream: Wire) -> tuple[Relayed, Relayed]:
        if self._box.to_client is None or self._box.to_endpoint is None:
            return client, upstream
        if not await _begins_with_tls(client, upstream):
            return client, upstream
        self._is_spared = False
        near = TlsSession(client, self._box.to_client)
        try:
            await near.handshake()
        except trio.BrokenResourceError as error:
            if isinstance(error.__cause__, ssl.SSLError):
                await client.fin()  # behind the alert that OpenSSL has sent
            raise
        far = TlsSession(upstream, self._box.to_endpoint, server_side=False, name=near.server_name)
        await far.handshake()
        return near, far

    def _direction(
        self, source: Relayed, sink: Relayed, admit: Callable[[], Awaitable[bool]]
    ) -> Direction:
        return Direction(
            source, sink, admit=admit, sent=self._check_bytes, delay_ns=self._rules.delay or 0
        )

    async def _admit_to_endpoint(self) -> bool:
        await self._box.hole.wait_closed()
        return True

    async def _admit_to_client(self) -> bool:
        await self._box.hole.wait_closed()
        return not self._is_stalled()

    # Counting...

    def _heard_client(self, data: bytes) -> bytes:
        if self._corruptor is not None:
            armed = self._is_older_than(self._rules.corrupt_at)
            data = self._corruptor.pass_through(data, armed=armed)
        return self._heard_endpoint(data)

    def _heard_endpoint(self, data: bytes) -> bytes:
        self.last_byte = trio.current_time()
        self._bytes += len(data)
        return data

    def _is_older_than(self, limit_ns: int | None) -> bool:
        return limit_ns is not None and trio.current_time() >= self.began + limit_ns / NS_PER_S

    def _is_stalled(self) -> bool:
        return self._is_older_than(self._rules.stall_at)

    # Killing...

    def _check_bytes(self) -> None:
        if self._rules.byte_limit is not None and self._bytes >= self._rules.byte_limit:
            self._kill("byte_limit")

    async def _watch(self) -> None:
        idle, age = self._rules.idle_timeout, self._rules.age_limit
        age_due = _NEVER if age is None else self.began + age.seconds
        if idle is None:
            await trio.sleep_until(age_due)
        else:
            # A deadline that a byte has moved meanwhile is slept for again: never polled.
            while (idle_due := self.last_byte + idle.seconds) > trio.current_time():
                if trio.current_time() >= age_due:
                    break
                await trio.sleep_until(min(idle_due, age_due))
        self._kill("age_limit" if trio.current_time() >= age_due else "idle_timeout")

    def _kill(self, rule: str) -> None:
        if self._is_spared:
            return
        at_unix_ns = time.time_ns()
        self._killed = True
        if self._rules.kill is Kill.RESET:
            self._reset()
        elif self._rules.kill is Kill.FIN:
            for side in self._sides():
                side.shut()
        else:
            self.vanish()
        self._scope.cancel()
        self._box.killed(self, rule, at_unix_ns)

    def _reset(self) -> None:
        for side in self._sides():
            side.reset()

    async def _see_out(self) -> None:
        """What is left to do after a kill, while nothing is relayed any more."""
        if self._rules.kill is Kill.FIN:
            async with trio.open_nursery() as nursery:
                for side in self._sides():
                    nursery.start_soon(side.fin)
        elif self._rules.kill is Kill.SILENT:
            await hold_vanished(self._client)
            for side in self._sides():
                side.reappear()
                side.reset()


async def _begins_with_tls(client: Wire, upstream: Wire) -> bool:
    """Whether the client speaks first, and a TLS handshake (RFC 8446 section 5.1)."""
    spoke: list[Wire] = []
    async with trio.open_nursery() as nursery:

        async def wait_for(side: Wire) -> None:
            await trio.lowlevel.wait_readable(side.socket)
            spoke.append(side)
            nursery.cancel_scope.cancel()

        nursery.start_soon(wait_for, client)
        nursery.start_soon(wait_for, upstream)
    return client in spoke and await client.socket.recv(1, socket.MSG_PEEK) == _HANDSHAKE
