#!/usr/bin/env bash
# Guess:    A keepalive ends sessions on which nothing arrives. While bytes of the peer pour in, the peer
#           is alive, whatever became of the last pong.
# What is:  To websockets only the pong counts. RFC 6455 lets no pong into the middle of a frame, so a
#           message in one frame that takes longer than ping_interval + ping_timeout to arrive ends a
#           healthy session with 1011 ("keepalive ping timeout"), in vain: the rest of the message is
#           still read, and thrown away. aiohttp's heartbeat takes any byte as a sign of life.
# Seen:     400 kB in one frame at 80 kB/s, ping after 1 s, 2 s for the pong:
#           websockets: ConnectionClosedError, sent 1011
#           400 kB in one frame at 80 kB/s, heartbeat 2 s: aiohttp: 400000 bytes
# Software: websockets 17.4, aiohttp 3.14.5; measured 2026-11-30.
# Matters:  With the 20 s of both defaults it takes a slow VPN and a message of megabytes. The ending reads
#           as a dead path; raising the timeout or fragmenting on the server cures it, the network
#           team cannot.
# Rights:   none.
. "$(dirname "$0")/stage.bash"

python_packages websockets==17.4 aiohttp==3.14.5
python - <<'EOF'
import asyncio, socket, threading, time
import aiohttp, websockets
from peers import accept_upgrade, finish, frame, same, unmasked

listener = socket.create_server(("127.0.0.1", 0))
url = f"ws://127.0.0.1:{listener.getsockname()[1]}/"
SIZE = 400_000


def serve():
    while True:
        peer, _ = listener.accept()
        accept_upgrade(peer)
        message = frame(2, bytes(SIZE))
        try:
            for at in range(0, len(message), 8000):
                peer.sendall(message[at : at + 8000])
                time.sleep(0.1)
            while ping := peer.recv(4096):
                peer.sendall(frame(ping[0] & 15 | (ping[0] & 15 == 9), unmasked(ping[: 6 + (ping[1] & 127)])))
        except OSError:
            pass
        peer.close()


async def with_websockets():
    async with websockets.connect(url, proxy=None, ping_interval=1, ping_timeout=2, max_size=None) as session:
        try:
            return f"{len(await session.recv())} bytes"
        except websockets.ConnectionClosed as error:
            return f"{type(error).__name__}, sent {error.sent and error.sent.code}"


async def with_aiohttp():
    async with aiohttp.ClientSession() as client:
        session = await client.ws_connect(url, heartbeat=2, max_msg_size=0)
        message = await session.receive()
        return f"{len(message.data)} bytes" if message.type is aiohttp.WSMsgType.BINARY else repr(message)


threading.Thread(target=serve, daemon=True).start()
same("websockets", asyncio.run(with_websockets()), "ConnectionClosedError, sent 1011")
same("aiohttp", asyncio.run(with_aiohttp()), f"{SIZE} bytes")
finish()
EOF
