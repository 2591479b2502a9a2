#!/usr/bin/env bash
# Guess:    Under proxychains an asynchronous client stays asynchronous: a slow proxy delays the one
#           connection that is being opened, and connect's deadline still holds.
# What is:  proxychains-ng makes a non-blocking connect() blocking until the whole chain has answered.
#           In an event loop everything stands still meanwhile: the pings of every other session and the
#           timer that should have ended the attempt. The attempt then succeeds, after its deadline,
#           and the peer's address is the proxy's.
# Seen:     proxy answers after 3 s, connect's deadline 1 s: connected after 3 to 5 s, to the proxy's address
#           the loop, which has work each 20 ms, goes on after 3 to 5 s
# Software: proxychains-ng 4.16 (Debian 4.16-2), asyncio of Python 3.11; measured 2026-11-30.
# Matters:  One dead proxy of the chain (8 s to connect, 15 s to answer, unless set) makes all held
#           sessions late at once, which looks like an outage of the path, and RTT through this
#           wrapper measures the wrapper.
# Rights:   none.
. "$(dirname "$0")/stage.bash"

debian proxychains4=4.16-2 libproxychains4=4.16-2
ports PROXY
cat >"$stage/chain.conf" <<EOF
strict_chain
quiet_mode
tcp_connect_time_out 8000
tcp_read_time_out 15000
[ProxyList]
socks5 127.0.0.1 $PROXY
EOF
cat >"$stage/proxy.py" <<'EOF'
import os, socket, time

listener = socket.create_server(("127.0.0.1", int(os.environ["PROXY"])))
while True:
    peer, _ = listener.accept()
    if peer.recv(100):
        peer.sendall(b"\5\0")
        peer.recv(100)
        time.sleep(3)
        peer.sendall(b"\5\0\0\1\0\0\0\0\0\0")
        peer.recv(100)
EOF
cat >"$stage/client.py" <<'EOF'
import asyncio, os, time
from peers import about, finish, same


async def main():
    pauses, began = [], time.monotonic()

    async def work():
        last = time.monotonic()
        while True:
            await asyncio.sleep(0.02)
            pauses.append(time.monotonic() - last)
            last = time.monotonic()

    task = asyncio.create_task(work())
    await asyncio.sleep(0.1)
    attempt = asyncio.open_connection("198.51.100.7", 443)
    try:
        _, writer = await asyncio.wait_for(attempt, 1)
        seen = f"connected after {round(time.monotonic() - began)} s, to {writer.get_extra_info('peername')[0]}"
    except TimeoutError:
        seen = "the deadline ended the attempt"
    await asyncio.sleep(0.1)
    same("deadline 1 s, proxy answers after 3 s", about(seen, 3, 5), "connected after 3 to 5 s, to 127.0.0.1")
    same("the loop goes on", about(f"after {round(max(pauses))} s", 3, 5), "after 3 to 5 s")


asyncio.run(main())
finish()
EOF
start python3 "$stage/proxy.py"
serves "$PROXY"
PROXYCHAINS_CONF_FILE=$stage/chain.conf LD_PRELOAD=$(find "$stage/unpacked" -name 'libproxychains.so.4') \
    python3 "$stage/client.py"
