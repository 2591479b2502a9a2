"""Listens, and serves each connection in a task of its own."""

import errno
import ssl
from typing import Final, NoReturn

import trio

from stresser.model.errors import ReflectorError
from stresser.net.resolve import format_sockaddr
from stresser.reflector.admission import network_of
from stresser.reflector.connection import Connection
from stresser.reflector.reception import Reception

_BACKLOG: Final = 4096
_OUT_OF_RESOURCES: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_RESOURCES_PAUSE_S: Final = 0.1


class ReflectorListener:
    """The listener and what it serves with."""

    def __init__(self, reception: Reception, context: ssl.SSLContext, host: str, port: int) -> None:
        self._reception = reception
        self._context = context
        self._host, self._port = host, port
        self._scope = trio.CancelScope()
        self.stopped = trio.Event()
        """Set when all that was held has ended."""

    def stop(self) -> None:
        """End what is still held, as this reflector's own doing."""
        self._reception.stopping_ns = self._reception.clock.now_ns()
        self._scope.cancel()

    async def serve(self, *, task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve until `stop`; `address:port` is the started value.

        Raises:
            ReflectorError: the address cannot be listened on.
        """
        try:
            [listener] = await trio.open_tcp_listeners(
                self._port, host=self._host, backlog=_BACKLOG
            )
        except OSError as exc:
            where = format_sockaddr((self._host, self._port))
            raise ReflectorError(f"--listen {where}: {exc.strerror or exc}") from exc
        task_status.started(format_sockaddr(listener.socket.getsockname()))
        await self.serve_on(listener)

    async def serve_on(self, listener: trio.SocketListener) -> None:
        """Serve those that come there until `stop`."""
        with self._scope:
            async with listener, trio.open_nursery() as nursery:
                await self._accept_forever(listener, nursery)
        self.stopped.set()

    async def _accept_forever(
        self, listener: trio.SocketListener, nursery: trio.Nursery
    ) -> NoReturn:
        while True:
            try:
                sock = await listener.accept()
            except OSError as exc:
                if exc.errno not in _OUT_OF_RESOURCES:
                    raise
                await trio.sleep(_RESOURCES_PAUSE_S)  # until a session ends
                continue
            peer = _peer_of(sock)
            if peer is None or not self._reception.admission.enter(network_of(peer[0])):
                # Here and now: to make ready for each of ten thousand would take seconds.
                sock.socket.close()
            else:
                nursery.start_soon(self._serve, sock, peer)

    async def _serve(self, sock: trio.SocketStream, peer: tuple[str, int]) -> None:
        one = Connection(self._reception, self._context, sock, peer)
        try:
            await one.live()
        finally:
            self._reception.admission.leave(one.address, proved=one.is_guest)
            if not one.is_guest:
                self._reception.strangers += 1


def _peer_of(sock: trio.SocketStream) -> tuple[str, int] | None:
    """Its address and port; None: it is gone already."""
    try:
        host, port, *_ = sock.socket.getpeername()
    except OSError:
        return None
    return str(host), int(port)
