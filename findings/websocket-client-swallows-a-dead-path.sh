#!/usr/bin/env bash
# Guess:    WebSocketTimeoutException says that nothing came within the time that the caller set; go on
#           waiting. A path that TCP keepalive finds dead raises something else, say ETIMEDOUT.
# What is:  Since Python 3.10 the kernel's ETIMEDOUT and the caller's timeout are one class, TimeoutError,
#           and websocket-client maps both to WebSocketTimeoutException with the text "Connection timed
#           out", even where the caller set no timeout. The error is then spent: the next recv says
#           "Connection to remote host was lost.", as it does after a FIN of the server.
# Seen:     keepalive 1 s, every 1 s, 2 probes; then all packets are dropped; recv with a timeout of 0.4 s:
#           WebSocketTimeoutException a few times, errno none; then one with errno ETIMEDOUT;
#           then WebSocketConnectionClosedException: Connection to remote host was lost.
#           recv without a timeout: WebSocketTimeoutException, then the same
# Software: websocket-client 1.9.2 (which turns keepalive on by itself: 30 s, 10 s, 3 probes), Python 3.11,
#           Linux 6.18; nftables 1.0.6 drops; measured 2026-11-30.
# Matters:  The usual loop (a timeout is no error, go on) records a black hole as an orderly end by the
#           server. `__cause__.errno` of the last timeout tells them apart.
# Rights:   root or user namespaces.
. "$(dirname "$0")/stage.bash"

debian nftables=1.0.6-2+deb12u2 "${nft_libraries[@]}"
python_packages websocket-client==1.9.2
alone python - <<'EOF'
import errno, socket, threading, time
import websocket
from peers import accept_upgrade, black_hole, finish, loopback_up, nft, same

loopback_up()
listener = socket.create_server(("127.0.0.1", 8080))
kept = []


def serve():
    while True:
        kept.append(listener.accept()[0])
        accept_upgrade(kept[-1])


def heard(timeout):
    keepalive = ((socket.TCP_KEEPIDLE, 1), (socket.TCP_KEEPINTVL, 1), (socket.TCP_KEEPCNT, 2))
    options = [(socket.IPPROTO_TCP, name, value) for name, value in keepalive]
    session = websocket.create_connection("ws://127.0.0.1:8080/", timeout=5, sockopt=options)
    session.settimeout(timeout)
    nft(black_hole(session.sock.getsockname()[1]))
    lines, until = [], time.monotonic() + 15
    while time.monotonic() < until:
        try:
            session.recv()
        except websocket.WebSocketTimeoutException as error:
            cause = error.__cause__ or error.__context__
            line = f"WebSocketTimeoutException, {errno.errorcode.get(cause.errno, 'no errno')}"
            if line not in lines:
                lines.append(line)
        except websocket.WebSocketConnectionClosedException as error:
            lines.append(f"WebSocketConnectionClosedException: {error}")
            break
    nft("")
    return lines


threading.Thread(target=serve, daemon=True).start()
end = ["WebSocketTimeoutException, ETIMEDOUT", "WebSocketConnectionClosedException: Connection to remote host was lost."]
same("recv with a timeout of 0.4 s", heard(0.4), ["WebSocketTimeoutException, no errno", *end])
same("recv without a timeout", heard(None), end)
finish()
EOF
