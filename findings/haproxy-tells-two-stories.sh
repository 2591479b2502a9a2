#!/usr/bin/env bash
# Guess:    When HAProxy's `timeout tunnel` ends an idle WebSocket, it closes both sides alike, as
#           nginx, Apache httpd or HAProxy itself in mode tcp do.
# What is:  In mode http the client is sent away politely (close_notify and FIN; FIN without TLS) and
#           at the same moment the origin gets a RST. In mode tcp both get a FIN.
# Seen:     mode http, TLS, idle for 2 s: client close_notify, FIN; origin RST
#           mode http, idle for 2 s: client FIN; origin RST
#           mode tcp, idle for 2 s: client FIN; origin FIN
# Software: HAProxy 2.6.12 (Debian 2.6.12-1+deb12u4); measured 2026-11-30.
# Matters:  The origin's log says "connection reset by peer" and its team looks for a crashing client
#           or a firewall, the client's log says that the server ended the session. Both logs are
#           true, neither names the one timer in between.
# Rights:   none.
. "$(dirname "$0")/stage.bash"

debian haproxy=2.6.12-1+deb12u4 "${haproxy_libraries[@]}"
certificate
ports TLS PLAIN TCP BACK
cat >"$stage/haproxy.cfg" <<EOF
defaults
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    timeout tunnel 2s
listen http
    mode http
    bind 127.0.0.1:$TLS ssl crt $stage/both.pem
    bind 127.0.0.1:$PLAIN
    server origin 127.0.0.1:$BACK
listen tcp
    mode tcp
    bind 127.0.0.1:$TCP
    server origin 127.0.0.1:$BACK
EOF
start haproxy -db -f "$stage/haproxy.cfg"
serves "$TCP"
python3 - <<'EOF'
import os, socket, threading
from peers import Client, Origin, ending_of, finish, same

origin = Origin(int(os.environ["BACK"]))


def stories(port, tls):
    client, peer = origin.peer_of(
        lambda: Client(socket.create_connection(("127.0.0.1", int(os.environ[port]))), tls=tls)
    )
    heard = []
    other = threading.Thread(target=lambda: heard.append(ending_of(peer, 6)))
    other.start()
    front = ", ".join(client.story(6))
    other.join()
    return f"client {front}; origin {heard[0]}"


for _ in range(2):
    same("mode http, TLS, idle for 2 s", stories("TLS", True), "client close_notify, FIN; origin RST")
    same("mode http, idle for 2 s", stories("PLAIN", False), "client FIN; origin RST")
    same("mode tcp, idle for 2 s", stories("TCP", False), "client FIN; origin FIN")
finish()
EOF
