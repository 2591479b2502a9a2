"""One lab middlebox: its listeners, its flows, its black hole."""

import socket
from collections.abc import Callable
from functools import partial
from typing import Final

import trio

from stresser.lab.credentials import Credentials, upstream_context
from stresser.lab.flow import Box, Flow, Hole
from stresser.lab.messages import KillRecord
from stresser.lab.vanish import reappear, vanish
from stresser.lab.wire import Wire, accept_forever
from stresser.model.units import NS_PER_S
from stresser.scenario.lab_table import Middlebox

_DIAL_S: Final = 10.0


class LabMiddlebox:
    """Forwards every route of one egress by the same rules."""

    def __init__(
        self,
        egress: str,
        rules: Middlebox,
        credentials: Credentials,
        note: Callable[[KillRecord], None],
    ) -> None:
        """`note` is called for each kill, right after it; it must not block."""
        self._egress = egress
        self._rules = rules
        self._note = note
        self._hole = Hole()
        self._flows: set[Flow] = set()
        self.listeners: list[trio.socket.SocketType] = []
        """What `forward` is called with; the black hole swallows SYNs there."""
        self._to_client = credentials.inspection_context() if rules.intercept else None
        self._to_endpoint = upstream_context() if rules.intercept else None

    async def forward(
        self, listener: trio.socket.SocketType, endpoint: str, upstream: tuple[str, int]
    ) -> None:
        """Forward what comes to `listener`, for ever."""

        def killed(flow: Flow, rule: str, at_unix_ns: int) -> None:
            self._note_kill(flow, endpoint, rule, at_unix_ns)

        box = Box(
            rules=self._rules,
            dial=partial(dial_upstream, *upstream),
            hole=self._hole,
            to_client=self._to_client,
            to_endpoint=self._to_endpoint,
            killed=killed,
        )

        async def handle(wire: Wire) -> None:
            await self._run_flow(Flow(wire, box))

        await accept_forever(listener, handle)

    def start_black_hole(self, nursery: trio.Nursery) -> None:
        """The lab starts now: open the hole at its time, and close it again."""
        opens_after = self._rules.blackhole_at
        if opens_after is None:
            return
        if not opens_after:
            self._open_hole()  # before anybody learns where the listeners are
        nursery.start_soon(self._run_hole, trio.current_time() + opens_after.seconds)

    async def _run_hole(self, opens: float) -> None:
        await trio.sleep_until(opens)
        self._open_hole()
        if self._rules.blackhole_for is not None:
            await trio.sleep_until(opens + self._rules.blackhole_for.seconds)
            self._close_hole()

    def _open_hole(self) -> None:
        self._hole.open()
        for listener in self.listeners:
            vanish(listener)
        for flow in self._flows:
            flow.vanish()

    def _close_hole(self) -> None:
        for listener in self.listeners:
            reappear(listener)
        for flow in self._flows:
            flow.reappear()
        self._hole.close()

    async def _run_flow(self, flow: Flow) -> None:
        self._flows.add(flow)
        try:
            await flow.run()
        finally:
            self._flows.discard(flow)

    def _note_kill(self, flow: Flow, endpoint: str, rule: str, at_unix_ns: int) -> None:
        record = KillRecord(
            kill=self._rules.kill,
            rule=rule,
            egress=self._egress,
            endpoint=endpoint,
            client_port=flow.client_port,
            at_unix_ns=at_unix_ns,
            idle_ns=int((trio.current_time() - flow.last_byte) * NS_PER_S),
        )
        self._note(record)


async def dial_upstream(host: str, port: int) -> Wire:
    """Connect to the first address that answers, within 10 seconds.

    Raises:
        OSError: none did.
    """
    failure = OSError(f"{host} has no address")
    with trio.move_on_after(_DIAL_S):
        for family, kind, proto, _, address in await trio.socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM
        ):
            sock = trio.socket.socket(family, kind, proto)
            try:
                await sock.connect(address)
            except OSError as error:
                sock.close()
                failure = error
            except BaseException:
                sock.close()
                raise
            else:
                return Wire(sock)
        raise failure
    raise TimeoutError(f"{host} port {port} does not answer")
