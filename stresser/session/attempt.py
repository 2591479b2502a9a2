"""One attempt: from a name to an open session, each phase timed and under its deadline."""

from collections.abc import Awaitable
from typing import TypeVar

import trio

from stresser.model.clock import Clock, Hangups
from stresser.model.ending import Phase
from stresser.model.events import TlsFacts
from stresser.model.faults import DeadlinePassed, SecretWithheld
from stresser.model.packet import Packets
from stresser.model.units import Duration
from stresser.net.dial import set_timers
from stresser.net.resolve import Address, resolve
from stresser.net.tap import Tap
from stresser.net.tls import TlsStream
from stresser.net.trust import ChainVerdict
from stresser.net.websocket import WebSocket, upgrade
from stresser.session.route import Route

T = TypeVar("T")


class Attempt:
    """What one try to establish a session has come to. Alive only until it opens or fails."""

    def __init__(
        self,
        number: int,
        route: Route,
        clock: Clock,
        hangups: Hangups | None = None,
        packets: Packets | None = None,
    ) -> None:
        self.number = number
        self.route = route
        self.clock = clock
        self._hangups = hangups
        self._packets = packets
        self.began_ns = clock.now_ns()
        self.phase = Phase.RESOLVE
        self.phases_ns: dict[str, int] = {}
        self.address: Address | None = None
        self.local: str | None = None
        self.tap: Tap | None = None
        self.stream: TlsStream | None = None
        self.websocket: WebSocket | None = None
        self.subprotocol: str | None = None
        self.tls: TlsFacts | None = None
        self.chain: tuple[bytes, ...] = ()
        self.endpoint_proved = False
        self.last_phase_ns = 0
        """How long the last completed phase took: it ends with an answer to what we sent in it."""
        self._scope: trio.CancelScope
        self._limit: Duration

    async def establish(self, nth_address: int) -> None:
        """Go through all phases. `nth_address`: which of several addresses to dial.

        Raises:
            Fault, OSError, trio.BrokenResourceError: what stopped it, in `phase`.
        """
        # One scope for all phases, its deadline moved: a scope costs as much as a wake-up.
        with trio.CancelScope() as self._scope:
            await self._go_through(nth_address)
            return
        raise DeadlinePassed(self.phase, self._limit)

    async def _go_through(self, nth_address: int) -> None:
        route, limits = self.route, self.route.timeouts
        found = await self._timed(Phase.RESOLVE, limits.resolve, resolve(route.host, route.port))
        # One address, pinned and recorded; the next attempt tries the next one.
        self.address = found[nth_address % len(found)]

        if self._packets is not None:
            self._packets.expect(str(self.address))
        connecting = route.connect(self.address, route.binding, self.clock, self._hangups)
        self.tap = await self._timed(Phase.CONNECT, limits.connect, connecting)
        self.local = self.tap.local_address()
        if self._packets is not None:
            self._packets.watch(self.local, str(self.address))
        if route.timers is not None:
            set_timers(self.tap.sock, route.timers)

        self.stream = TlsStream(self.tap, route.context, route.server_name)
        # Our last message goes out with the upgrade request, where there is one.
        shaking = self.stream.handshake(flush=route.request is None)
        await self._timed(Phase.TLS, limits.tls, shaking)
        self._look_at_chain(self.stream)

        if route.request is not None:
            request = route.request
            self.websocket, self.subprotocol = await self._timed(
                Phase.UPGRADE, limits.upgrade, upgrade(self.stream, request)
            )

    async def _timed(self, phase: Phase, limit: Duration, work: Awaitable[T]) -> T:
        self.phase, self._limit = phase, limit
        started = self.clock.now_ns()
        self._scope.deadline = trio.current_time() + limit.seconds
        result = await work  # until the next phase sets its deadline, nothing is awaited
        self.last_phase_ns = self.phases_ns[phase.value] = self.clock.now_ns() - started
        return result

    def _look_at_chain(self, stream: TlsStream) -> None:
        self.chain = stream.chain()
        verdict = self.route.judge.judge(self.chain, self.route.server_name)
        self.endpoint_proved = verdict.endpoint_proved
        self.tls = _facts(stream, verdict)
        if verdict.problem is not None and self.route.withhold_secret:
            stream.close_notify_nowait()
            raise SecretWithheld(
                f"secret headers were not sent: {verdict.problem}"
                " (send_secrets_over_unverified_chain = true would send them)"
            )


def _facts(stream: TlsStream, verdict: ChainVerdict) -> TlsFacts:
    return TlsFacts(
        version=stream.version,
        cipher=stream.cipher,
        alpn=stream.alpn,
        chain=verdict.chain,
        verified=verdict.problem is None,
        problem=verdict.problem,
    )
