"""A name server with fixed answers, by trio's own hook for tests."""

import socket
from typing import Any

import trio
from trio.abc import HostnameResolver


class Resolver(HostnameResolver):
    """Answers every name with the same IPv4 addresses, in order."""

    def __init__(self, *addresses: str) -> None:
        self._addresses = addresses

    async def getaddrinfo(self, host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        await trio.lowlevel.checkpoint()
        stream = socket.SOCK_STREAM
        return [
            (socket.AF_INET, stream, 6, "", (address, int(port))) for address in self._addresses
        ]

    async def getnameinfo(self, sockaddr: Any, flags: int) -> Any:
        raise NotImplementedError
