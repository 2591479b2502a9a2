"""One end of the socket between a run's process and a worker: whole messages, in order."""

import os
from collections.abc import Callable
from contextlib import suppress
from typing import Generic, TypeVar

import msgspec
import trio

from stresser.run.worker_messages import HEAD_BYTES, FromWorker, ToWorker, frame_of, length_in

T = TypeVar("T")
_RECEIVE_BYTES = 1 << 16


class WorkerLink(Generic[T]):
    """Messages that come are read by one task, and one task sends."""

    def __init__(self, stream: trio.SocketStream, decode: Callable[[bytes], T]) -> None:
        self._stream = stream
        self._decode = decode
        self._received = bytearray()

    async def send(self, message: ToWorker | FromWorker) -> bool:
        """Send a message; False: the other end is gone."""
        try:
            await self._stream.send_all(frame_of(message))
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return False
        return True

    async def receive(self) -> T | None:
        """The next message; None: the other end is gone, or says what nobody understands."""
        try:
            head = await self._bytes(HEAD_BYTES)
            body = None if head is None else await self._bytes(length_in(head))
            return None if body is None else self._decode(body)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return None
        except (msgspec.MsgspecError, ValueError):
            return None

    async def _bytes(self, number: int) -> bytes | None:
        while len(self._received) < number:
            data = await self._stream.receive_some(_RECEIVE_BYTES)
            if not data:
                return None
            self._received += data
        taken = bytes(self._received[:number])
        del self._received[:number]
        return taken

    def send_now(self, message: ToWorker) -> None:
        """Where no loop can be waited for: what the socket takes at once. Never raises."""
        with suppress(OSError):
            os.write(self._stream.socket.fileno(), frame_of(message))

    def close(self) -> None:
        """The other end learns of it by the end of what it reads."""
        self._stream.socket.close()
