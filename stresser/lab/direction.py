"""One direction of a forwarded flow: reads here, sends there, late where it shall."""

import ssl
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

import trio

from stresser.model.units import NS_PER_S

_DELAY_LINE_CHUNKS: Final = 64  # of at most 64 KiB each


class Relayed(Protocol):
    """A wire, or the TLS session on top of it."""

    close_notified: bool
    """The peer has sent close_notify."""

    async def receive_some(self) -> bytes:
        """What came in; b"" at the end."""

    async def send_all(self, data: bytes) -> None:
        """Hand everything on."""

    async def end(self, *, notify: bool) -> None:
        """FIN, after close_notify where that is wanted and there is TLS."""


_Item = bytes | trio.BrokenResourceError


class Direction:
    """Relays until the source ends; its end, orderly or not, is passed on like data.

    A reset of either side is raised as BrokenResourceError.
    """

    def __init__(
        self,
        source: Relayed,
        sink: Relayed,
        *,
        admit: Callable[[], Awaitable[bool]],
        sent: Callable[[], None],
        delay_ns: int,
    ) -> None:
        """`admit` may wait and may refuse, which loses the data; `sent` follows each sending."""
        self._source = source
        self._sink = sink
        self._admit = admit
        self._sent = sent
        self._delay_s = delay_ns / NS_PER_S

    async def run(self) -> None:
        """Relay to the end."""
        if self._delay_s:
            await self._relay_late()
        else:
            await self._read_into(self._forward)

    async def _relay_late(self) -> None:
        into, out = trio.open_memory_channel[tuple[float, _Item]](_DELAY_LINE_CHUNKS)

        async def put(item: _Item) -> None:
            await into.send((trio.current_time() + self._delay_s, item))

        async def deliver() -> None:
            async for due, item in out:
                await trio.sleep_until(due)
                await self._forward(item)

        async with trio.open_nursery() as nursery, into:
            nursery.start_soon(deliver)
            await self._read_into(put)
            await into.aclose()  # else the nursery, which closes first, waits for ever

    async def _read_into(self, put: Callable[[_Item], Awaitable[None]]) -> None:
        try:
            while data := await self._source.receive_some():
                await put(data)
        except trio.BrokenResourceError as error:
            # FIN without close_notify, or an alert, where TLS ends here: the other side gets FIN.
            await put(b"" if isinstance(error.__cause__, ssl.SSLError) else error)
        else:
            await put(b"")

    async def _forward(self, item: _Item) -> None:
        if not await self._admit():
            return
        if isinstance(item, trio.BrokenResourceError):
            raise item
        if item:
            await self._sink.send_all(item)
        else:
            await self._sink.end(notify=self._source.close_notified)
        self._sent()
