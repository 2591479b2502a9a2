"""Owns a proxy that refuses whoever has no ticket of its domain (RFC 4559). It ends with its lab.

Run as `python login_proxy.py ADDRESS PORT SCHEME...`.
"""

import asyncio
import sys

_PAGE = b"<html>Access denied: log in to the domain first</html>"
_REFUSAL = (
    b"HTTP/1.1 407 Proxy Authentication Required\r\n"
    b"Via: 1.1 gateway-3 (squid)\r\n"
    b"%b"
    b"Content-Length: %d\r\n"
    b"Connection: close\r\n\r\n"
    % (b"".join(b"Proxy-Authenticate: %b\r\n" % one.encode() for one in sys.argv[3:]), len(_PAGE))
)


async def _refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(_REFUSAL + _PAGE)
        await writer.drain()
    except (OSError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()


async def main() -> None:
    server = await asyncio.start_server(_refuse, sys.argv[1], int(sys.argv[2]))
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
