#!/usr/bin/env bash
# Guess:    A close frame that has arrived in the socket's buffer is reported. Data that a peer sent
#           before it closed can be read (Linux even keeps it through a RST).
# What is:  asyncio's transport gives the connection up when a write fails, unread data and all. A client
#           that sends while the server's close frame waits to be read reports 1006 (or nothing) in
#           place of the server's code and reason, even where the server closed in order by FIN. A
#           client that only listens reports 1012. trio, which keeps reading and writing apart, has
#           1012 in both cases.
# Seen:     server sends close 1012 and FIN while the client's loop is busy; then the client sends:
#           websockets, silent: 1012; websockets, sending: 1006
#           aiohttp, silent: 1012; aiohttp, sending: 1006
#           picows, silent: 1012; picows, sending: none
#           trio-websocket, silent: 1012; trio-websocket, sending: 1012
# Software: websockets 17.4, aiohttp 3.14.5, picows 2.3.1 on asyncio of Python 3.11; trio-websocket
#           0.12.2, trio 0.35.0; Linux; measured 2026-11-30.
# Matters:  At a restart of the server (1001, 1012) the busy clients report a broken connection and the
#           quiet ones a farewell: one event, two counts, and the busier half looks like the network.
# Rights:   none.
. "$(dirname "$0")/stage.bash"

python_packages websockets==17.4 aiohttp==3.14.5 picows==2.3.1 trio-websocket==0.12.2 trio==0.35.0
python - <<'EOF'
import asyncio, socket, threading, time
import aiohttp, picows, trio, trio_websocket, websockets
from peers import accept_upgrade, close_frame, finish, frame, same

listener = socket.create_server(("127.0.0.1", 0))
url = f"ws://127.0.0.1:{listener.getsockname()[1]}/"
closed = threading.Event()


def serve():
    while True:
        peer, _ = listener.accept()
        accept_upgrade(peer)
        peer.sendall(frame(1, b"hello"))
        time.sleep(0.3)
        peer.sendall(close_frame(1012, b"restart"))
        peer.close()
        closed.set()


def stay_busy():
    """The loop does something else until the close frame and the FIN have arrived."""
    closed.wait()
    closed.clear()
    time.sleep(0.1)


async def with_websockets(times):
    async with websockets.connect(url, proxy=None) as session:
        await session.recv()
        stay_busy()
        try:
            for _ in range(times):
                await session.send("tick")
            await session.recv()
        except websockets.ConnectionClosed:
            pass
        await session.wait_closed()
        return int(session.close_code)


async def with_aiohttp(times):
    async with aiohttp.ClientSession() as client:
        session = await client.ws_connect(url)
        await session.receive()
        stay_busy()
        try:
            for _ in range(times):
                await session.send_str("tick")
        except ConnectionError:
            pass
        await session.receive()
        return int(session.close_code)


async def with_picows(times):
    hello, gone, codes = asyncio.Event(), asyncio.Event(), []

    class Listener(picows.WSListener):
        def on_ws_frame(self, transport, frame):
            hello.set()
            if frame.msg_type == picows.WSMsgType.CLOSE:
                codes.append(int(frame.get_close_code()))
                transport.disconnect()

        def on_ws_disconnected(self, transport):
            gone.set()

    transport, _ = await picows.ws_connect(Listener, url)
    await hello.wait()
    stay_busy()
    for _ in range(times):
        transport.send(picows.WSMsgType.TEXT, b"tick")
    await asyncio.wait_for(gone.wait(), 5)
    return codes[0] if codes else None


async def with_trio_websocket(times):
    async with trio_websocket.open_websocket_url(url) as session:
        await session.get_message()
        stay_busy()
        try:
            for _ in range(times):
                await session.send_message("tick")
            await session.get_message()
        except trio_websocket.ConnectionClosed as error:
            return error.reason.code


threading.Thread(target=serve, daemon=True).start()
for times, does, stated in ((0, "silent", (1012, 1012, 1012)), (3, "sending", (1006, 1006, None))):
    for name, use, code in zip(("websockets", "aiohttp", "picows"), (with_websockets, with_aiohttp, with_picows), stated):
        same(f"{name}, {does}", asyncio.run(use(times)), code)
    same(f"trio-websocket, {does}", trio.run(with_trio_websocket, times), 1012)
finish()
EOF
