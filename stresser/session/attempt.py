"""One attempt: from a name to an open session, each phase timed and under its deadline."""

from collections.abc import Awaitable
from secrets import token_hex
from typing import TypeVar

import trio

from stresser.model.chain import TlsFacts
from stresser.model.checkup_facts import HttpAnswer
from stresser.model.client_hello import HelloSent
from stresser.model.clocks import Clock, Hangups
from stresser.model.ending import Phase
from stresser.model.events import ResolvedBy
from stresser.model.faults import (
    CertificateRejected,
    DeadlinePassed,
    MessageRefused,
    SecretWithheld,
)
from stresser.model.packet import Packets
from stresser.model.quantity import Quantity
from stresser.model.units import Duration
from stresser.net.dial import segment_size, set_timers
from stresser.net.https_request import ask_https
from stresser.net.login_talk import AnotherConnection
from stresser.net.mqtt import Mqtt
from stresser.net.plain_stream import PlainStream, SessionStream
from stresser.net.proxy import ProxyHop, Tunnel, open_tunnel, shake_hands_with
from stresser.net.reflector_hello import HEADER, PREFIX, Introducer
from stresser.net.resolve import Address, literal_address, resolve
from stresser.net.tap import Tap
from stresser.net.tls import TlsStream
from stresser.net.trust import ChainVerdict
from stresser.net.websocket import WebSocket, upgrade
from stresser.scenario.endpoint import authority_of
from stresser.session.opening import FirstWords
from stresser.session.request_before import RequestBefore
from stresser.session.request_route import request_route, steps_before, with_taken
from stresser.session.route import Route

_MARK_BYTES = 6
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
        """The endpoint's; None while, or where, only a proxy knows it."""
        self.proxy_address: Address | None = None
        self.asked_name: str | None = None
        """The name that was looked up last."""
        self.found: tuple[Address, ...] = ()
        """What the look-up of the endpoint's name gave; empty where we looked up none."""
        self.proxy_step: str | None = None
        """Which of the steps through the proxy was begun last."""
        self.before_phase: Phase | None = None
        """How far the connection of the request before the session had come when it stopped."""
        self.dialled: Address | None = None
        """Where the TCP connection goes: the endpoint's address, or the proxy's."""
        self.local: str | None = None
        self.tap: Tap | None = None
        self.stream: SessionStream | None = None
        self.websocket: WebSocket | None = None
        self.subprotocol: str | None = None
        self._words: FirstWords | None = None
        self._taken: dict[str, str] = {}
        """What the answer to the request before it gave."""
        self.answer: HttpAnswer | None = None
        """What the acceptance of the upgrade says of who gave it; only if `hears_answer`."""
        self.hears_answer = False
        self.proxy_headers: dict[str, str] = {}
        """Of the proxy's answer to CONNECT: those that tell who it is."""
        self.hello: str | None = None
        """What named it to the reflector."""
        self.client_hello: HelloSent | None = None
        """None: no handshake was begun, or its hello is not known."""
        self.segment: int | None = None
        """How much data one of its segments takes; None: not known, or a proxy's TLS carries it."""
        self.tls: TlsFacts | None = None
        self.chain: tuple[bytes, ...] = ()
        self.endpoint_proved = False
        self.intercepted = False
        """The chain looks like an interceptor's: every egress may show the same."""
        self.verdict: ChainVerdict | None = None
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
        if self._words is not None and self._words.is_refused:
            raise MessageRefused
        raise DeadlinePassed(self.phase, self._limit)

    @property
    def remote(self) -> str | None:
        """The endpoint's `address:port`; its name's where only a proxy is to look it up."""
        if self.address is not None:
            return str(self.address)
        if self.proxy_step is None:
            return None
        return authority_of(self.route.host, self.route.port)

    @property
    def proxy(self) -> str | None:
        """Scheme and address of the proxy that was dialled."""
        hop = self.route.proxy
        if hop is None or self.proxy_address is None:
            return None
        return f"{hop.proxy.scheme}://{self.proxy_address}"

    @property
    def resolved_by(self) -> ResolvedBy | None:
        """Who looked the endpoint's name up, as far as it came to that."""
        route = self.route
        if self.found:
            return ResolvedBy.HOST
        asks_proxy = route.proxy is not None and route.proxy.proxy.looks_names_up
        begun = self.proxy_step == Quantity.PROXY_TUNNEL
        is_name = literal_address(route.host, route.port) is None
        return ResolvedBy.PROXY if asks_proxy and begun and is_name else None

    async def _go_through(self, nth_address: int) -> None:
        if self.route.before is not None:
            await self._ask_before(self.route.before)
        route, limits = self.route, self.route.timeouts
        if route.proxy is None:
            tap, carrier, early = await self._directly(nth_address), None, b""
        else:
            tap, tunnel = await self._through(route.proxy, nth_address)
            carrier, early = tunnel.carrier, tunnel.early
            self.proxy_headers = tunnel.headers

        if route.context is None:
            self.stream = PlainStream(tap, carrier, early)
        else:
            tls = self.stream = TlsStream(tap, route.context, route.server_name, carrier, early)
            await self._shake_hands(tls)
        if route.request is not None:
            heard = self._hear_answer if self.hears_answer else None
            made = None if route.mqtt is None else route.mqtt.framed
            upgrading = upgrade(self.stream, route.request, heard, self._hello_field(), made)
            websocket, self.subprotocol = await self._timed(
                Phase.UPGRADE, limits.upgrade, upgrading
            )
            self.websocket = websocket
            if route.openings:
                await self._measured(Phase.OPEN.value, self._say_first(websocket))
        elif route.mqtt is not None:
            self.websocket = route.mqtt.bare(self.stream)
        elif route.introducer is not None:
            self.stream.send_nowait(PREFIX + self._hello(route.introducer) + b"\n")
        if route.mqtt is not None and isinstance(self.websocket, Mqtt):
            connect = route.mqtt.connect_packet(token_hex(_MARK_BYTES))
            await self._timed(Phase.OPEN, limits.upgrade, self.websocket.log_in(connect))

    async def _ask_before(self, before: RequestBefore) -> None:
        """Ask, on a connection of its own, and go on with what that gave."""
        self._enter(Phase.BEFORE, self.route.timeouts.before)
        asked = Attempt(
            self.number, request_route(self.route, before), self.clock, self._hangups, self._packets
        )
        try:
            await asked.establish(0)
            assert asked.stream is not None  # noqa: S101 - it is established
            answering = ask_https(asked.stream, before.asked())
            answer = await asked._measured(Quantity.BEFORE_ANSWER, answering)
            self._taken = before.taken(answer)
            self.route = with_taken(self.route, before, self._taken)
        except BaseException:
            self._stopped_at(asked)
            raise
        finally:
            self.phases_ns |= steps_before(asked.phases_ns)
        asked.hang_up()

    def _stopped_at(self, asked: "Attempt") -> None:
        """That connection is what the attempt has come to."""
        self.route, self.tap, self.stream = asked.route, asked.tap, asked.stream
        self.local, self.address, self.dialled = asked.local, asked.address, asked.dialled
        self.proxy_address, self.asked_name = asked.proxy_address, asked.asked_name
        self.endpoint_proved, self.intercepted = asked.endpoint_proved, asked.intercepted
        self.proxy_step, self.before_phase = asked.proxy_step, asked.phase

    def hang_up(self) -> None:
        """Say goodbye and close."""
        if self.stream is not None:
            self.stream.close_notify_nowait()
        if self.tap is not None:
            if self._packets is not None and self.local is not None:
                self._packets.forget(self.local, str(self.dialled))
            self.tap.close()

    async def _shake_hands(self, tls: TlsStream) -> None:
        if self.route.hello is not None:
            self.segment = segment_size(tls.tap.sock) if tls.is_direct else None
            self.client_hello = self.route.hello.sent(self.segment)
        # Our last message goes out with the upgrade request, where there is one.
        shaking = tls.handshake(flush=self.route.request is None)
        try:
            await self._timed(Phase.TLS, self.route.timeouts.tls, shaking)
        except CertificateRejected:
            if tls.chain():  # a chain that was refused is a chain all the same
                self._look_at_chain(tls)
            raise
        self._withhold_secret(self._look_at_chain(tls), tls)

    async def _say_first(self, websocket: WebSocket) -> None:
        self._words = FirstWords(websocket, self._taken)
        for one in self.route.openings:
            self._enter(Phase.OPEN, one.within)
            await self._words.say(one)
        self._words = None

    def _hello_field(self) -> bytes:
        introducer = self.route.introducer
        return b"" if introducer is None else HEADER.encode() + b": " + self._hello(introducer)

    def _hello(self, introducer: Introducer) -> bytes:
        self.hello = introducer.hello(self.number, self.clock.now_ns())
        return self.hello.encode()

    async def _directly(self, nth_address: int) -> Tap:
        limits = self.route.timeouts
        looking_up = self._look_up_endpoint(nth_address)
        address = await self._timed(Phase.RESOLVE, limits.resolve, looking_up)
        return await self._timed(Phase.CONNECT, limits.connect, self._dial(address))

    async def _through(self, hop: ProxyHop, nth_address: int) -> tuple[Tap, Tunnel]:
        route, limits = self.route, self.route.timeouts
        looking_up = self._look_up_for(hop, nth_address)
        address = await self._timed(Phase.RESOLVE, limits.resolve, looking_up)
        self._enter(Phase.PROXY, limits.proxy)  # one deadline for all three steps
        host = route.host if self.address is None else self.address.sockaddr[0]
        talk, began_ns = hop.talk(host, route.port), self.clock.now_ns()
        while True:
            lost_ns = self.clock.now_ns() - began_ns
            tap = await self._step(Quantity.PROXY_CONNECT, self._dial(address))
            if hop.tls is None:
                channel = await shake_hands_with(hop, tap)
            else:
                channel = await self._step(Quantity.PROXY_TLS, shake_hands_with(hop, tap))
            opening = open_tunnel(hop, channel, host, route.port, talk)
            try:
                tunnel = await self._step(Quantity.PROXY_TUNNEL, opening)
            except AnotherConnection:  # as often as the talk allows
                self._leave(tap)
            else:
                self.phases_ns[Quantity.PROXY_TUNNEL] += lost_ns  # it took those as well
                return tap, tunnel

    async def _look_up_endpoint(self, nth_address: int) -> Address:
        self.asked_name = self.route.host
        found = await resolve(self.route.host, self.route.port, self.route.family)
        if literal_address(self.route.host, self.route.port) is None:
            self.found = tuple(found)
        # One address, pinned and recorded; the next attempt tries the next one.
        self.address = found[nth_address % len(found)]
        return self.address

    async def _look_up_for(self, hop: ProxyHop, nth_address: int) -> Address:
        """What has to be looked up here to go through a proxy: its name, or both names."""
        route, proxy = self.route, hop.proxy
        self.asked_name = proxy.host
        found = await resolve(proxy.host, proxy.port)
        self.proxy_address = found[nth_address % len(found)]
        if not proxy.looks_names_up or literal_address(route.host, route.port) is not None:
            await self._look_up_endpoint(nth_address)
        return self.proxy_address

    async def _dial(self, address: Address) -> Tap:
        route = self.route
        self.dialled = address
        if self._packets is not None:
            self._packets.expect(str(address))
        self.tap = await route.connect(address, route.binding, self.clock, self._hangups)
        self.local = self.tap.local_address()
        if self._packets is not None:
            self._packets.watch(self.local, str(address))
        if route.timers is not None:
            set_timers(self.tap.sock, route.timers)
        return self.tap

    def _leave(self, tap: Tap) -> None:
        """The proxy has asked who we are and takes the answer over a new connection alone."""
        tap.close()
        if self._packets is not None and self.local is not None:
            self._packets.forget(self.local, str(self.dialled))

    async def _timed(self, phase: Phase, limit: Duration, work: Awaitable[T]) -> T:
        self._enter(phase, limit)
        return await self._measured(phase.value, work)

    async def _step(self, step: Quantity, work: Awaitable[T]) -> T:
        self.proxy_step = step.value
        return await self._measured(step.value, work)

    def _enter(self, phase: Phase, limit: Duration) -> None:
        self.phase, self._limit = phase, limit
        self._scope.deadline = trio.current_time() + limit.seconds

    async def _measured(self, what: str, work: Awaitable[T]) -> T:
        started = self.clock.now_ns()
        result = await work  # until the next phase sets its deadline, nothing is awaited
        self.last_phase_ns = self.phases_ns[what] = self.clock.now_ns() - started
        return result

    def _hear_answer(self, answer: HttpAnswer) -> None:
        self.answer = answer

    def _look_at_chain(self, stream: TlsStream) -> ChainVerdict:
        self.chain = stream.chain()
        verdict = self.route.judge.judge(self.chain, self.route.server_name)
        self.verdict = verdict
        self.endpoint_proved, self.intercepted = verdict.endpoint_proved, verdict.intercepted
        self.tls = _facts(stream, verdict)
        return verdict

    def _withhold_secret(self, verdict: ChainVerdict, stream: TlsStream) -> None:
        if verdict.problem is not None and self.route.withhold_secret:
            stream.close_notify_nowait()
            raise SecretWithheld(
                f"the scenario's secrets were not sent: {verdict.problem}"
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
        chain_class=verdict.chain_class,
        root=verdict.root,
        intercepted=verdict.intercepted,
    )
