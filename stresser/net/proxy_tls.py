"""TLS with a proxy as what carries the endpoint's TLS: `net.tls.Carrier` over a `TlsStream`.

What goes wrong out here is kept apart from what goes wrong inside: the endpoint has nothing to do
with the proxy's alerts.
"""

from stresser.model.faults import (
    Fault,
    PeerAlert,
    PeerCloseNotify,
    PeerFin,
    ProtocolViolation,
    ProxyAlert,
)
from stresser.net.tls import Carrier, TlsStream


class ProxyTls:
    """The outer connection of two."""

    __slots__ = ("_outer",)

    def __init__(self, outer: TlsStream) -> None:
        self._outer = outer

    @property
    def carrier(self) -> Carrier:
        """What a tunnel's bytes go through from now on."""
        return self

    def certificate(self) -> bytes | None:
        """The proxy's own, DER."""
        return next(iter(self._outer.chain()), None)

    @property
    def backlog(self) -> bool:
        """Some of what it took is not yet in the kernel's hands."""
        return self._outer.backlog

    def send_nowait(self, data: bytes | memoryview) -> int:
        """Encrypt once more and send; takes nothing while earlier bytes wait for the kernel."""
        self._outer.push_nowait()
        if self._outer.backlog:
            return 0
        self._outer.send_nowait(bytes(data))
        return len(data)

    async def send_all(self, data: bytes) -> None:
        """Send everything. A dead transport is left to the reader."""
        await self._outer.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        """Until the kernel has all."""
        await self._outer.flush()

    async def receive_some(self) -> bytes:
        """The next bytes of the tunnel.

        Raises:
            PeerFin: the proxy ended the tunnel, with a close_notify of its own (its text says
                so) or without: for the endpoint's TLS it is a truncation either way.
            ProxyAlert, ProtocolViolation: what was wrong with the outer TLS.
            trio.BrokenResourceError: from the OSError of the transport.
        """
        try:
            return await self._outer.receive_some()
        except _OUTER as exc:
            raise _told_apart(exc) from exc.__cause__ or exc

    async def handshake(self) -> None:
        """Shake hands with the proxy; our last message goes out with the request that follows.

        Raises:
            CertificateRejected: the proxy's chain does not verify.
            PeerFin, ProxyAlert, ProtocolViolation, trio.BrokenResourceError: as above.
        """
        try:
            await self._outer.handshake(flush=False)
        except _OUTER as exc:
            raise _told_apart(exc) from exc.__cause__ or exc


_OUTER = (PeerCloseNotify, PeerAlert, ProtocolViolation)


def _told_apart(exc: Fault) -> Fault:
    if isinstance(exc, PeerAlert):
        return ProxyAlert(exc.number, exc.name)
    if isinstance(exc, ProtocolViolation):
        return ProtocolViolation("proxy_tls", exc.detail, exc.seen)
    return PeerFin("the proxy ended its own TLS with close_notify")
