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


class Zone(Resolver):
    """Answers each name with its own IPv4 addresses; another name does not exist."""

    def __init__(self, **addresses: str) -> None:
        super().__init__()
        self.names = addresses
        """`broker_test="192.0.2.1"` is the name `broker.test`."""
        self.asked: list[str] = []

    async def getaddrinfo(self, host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else str(host)
        self.asked.append(name)
        found = self.names.get(name.replace(".", "_"))
        if found is None:
            await trio.lowlevel.checkpoint()
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return await Resolver(*found.split()).getaddrinfo(host, port)
