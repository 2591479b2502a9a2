"""Owns the flooding server's process: wss on asyncio and the standard library, without mercy.

After the upgrade it sends the same kilobytes of tiny frames as fast as the client takes them, and
reads and throws away what the client says, so that answers to pings never hold it up. It ends
when standard input does. `floods.py` starts it.
"""

import argparse
import asyncio
import base64
import hashlib
import ssl
import sys
from pathlib import Path

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 section 1.3
_FRAMES = 1365
"""Three-byte frames that fill 4 KiB."""
QUIET = "nothing"
KINDS = {
    "fragments": (b"\x02\x01x", b"\x00\x01x"),
    "empty messages": (b"", b"\x82\x00"),
    "pings": (b"", b"\x89\x01x"),
    "pongs": (b"", b"\x8a\x01x"),
}
"""What each kind begins with, and what it then repeats (RFC 6455 section 5.2)."""


def acceptance(head: bytes) -> bytes:
    """The 101 that a request head asks for (RFC 6455 section 4.2.2)."""
    _, _, rest = head.lower().partition(b"sec-websocket-key:")
    key = head[len(head) - len(rest) :].split(b"\r\n", 1)[0].strip()
    accept = base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest())
    upgrade = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    return upgrade + b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"


async def _flood(kind: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    first, again = KINDS.get(kind, (b"", b""))
    try:
        writer.write(acceptance(await reader.readuntil(b"\r\n\r\n")) + first)
        async with asyncio.TaskGroup() as group:
            group.create_task(_throw_away(reader))
            while again:
                writer.write(again * _FRAMES)
                await writer.drain()
    except* (OSError, EOFError, asyncio.IncompleteReadError):
        writer.transport.abort()


async def _throw_away(reader: asyncio.StreamReader) -> None:
    while await reader.read(65_536):
        pass
    raise EOFError


async def _serve(arguments: argparse.Namespace) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(arguments.chain, arguments.key)
    server = await asyncio.start_server(
        lambda reader, writer: _flood(arguments.kind, reader, writer),
        arguments.address,
        0,
        ssl=context,
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.buffer.read)


def main() -> None:
    """`python -m bench.flood_server --kind KIND --address ADDRESS --chain PEM --key PEM`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kind", choices=[*KINDS, QUIET], required=True)
    parser.add_argument("--address", required=True)
    parser.add_argument("--chain", type=Path, required=True)
    parser.add_argument("--key", type=Path, required=True)
    asyncio.run(_serve(parser.parse_args()))


if __name__ == "__main__":
    main()
