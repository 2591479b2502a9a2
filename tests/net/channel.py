"""A proxy's end of a talk, from a script: what it says, and what it has heard."""

from collections import deque

import trio

from stresser.model.faults import PeerFin


class Talk:
    """Gives the script's portions, one a call, as if the peer had sent them; then it hangs up."""

    def __init__(self, *portions: bytes) -> None:
        self.heard = b""
        self.most_asked = 0
        self._left = deque(portions)

    async def send_all(self, data: bytes) -> None:
        await trio.lowlevel.checkpoint()
        self.heard += data

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        await trio.lowlevel.checkpoint()
        if not self._left:
            raise PeerFin
        portion = self._left.popleft()
        if max_bytes is not None and len(portion) > max_bytes:
            self._left.appendleft(portion[max_bytes:])
            portion = portion[:max_bytes]
        return portion

    @property
    def unread(self) -> bytes:
        return b"".join(self._left)
