#!/usr/bin/env bash
# Guess:    In HAProxy's mode tcp, `timeout client` lets go a client that is silent for too long: the client
#           gets the end, or both sides do.
# What is:  The side whose timer ran out hears nothing. `timeout client` sends a FIN to the origin alone,
#           `timeout server` one to the client alone; the other half stays open until the far side ends
#           or its own timer runs out. Meanwhile the client's data are acknowledged and thrown away, and
#           the origin's still reach it. With both timers equal, both get a FIN.
# Seen:     timeout client 2 s, server 60 s: origin FIN, client held
#           five pings of the client then: acknowledged; origin gets none of them
#           data of the origin then: the client gets them
#           timeout server 2 s, client 60 s: origin held, client FIN
#           both 2 s: origin FIN, client FIN
# Software: HAProxy 2.6.12 (Debian 2.6.12-1+deb12u4); measured 2026-11-30.
# Matters:  Before an origin that tolerates a half close, a session of which every packet is acknowledged
#           is dead in one direction. TCP_INFO and keepalive call it healthy; only a pong tells.
# Rights:   none.
. "$(dirname "$0")/stage.bash"

debian haproxy=2.6.12-1+deb12u4 "${haproxy_libraries[@]}"
ports CLIENT SERVER BOTH BACK
{
    printf 'defaults\n    mode tcp\n    timeout connect 5s\n'
    while read -r name port client server; do
        printf 'listen %s\n    bind 127.0.0.1:%s\n    timeout client %ss\n    timeout server %ss\n' \
            "$name" "$port" "$client" "$server"
        printf '    server origin 127.0.0.1:%s\n' "$BACK"
    done
} >"$stage/haproxy.cfg" <<EOF
client $CLIENT 2 60
server $SERVER 60 2
both $BOTH 2 2
EOF
start haproxy -db -f "$stage/haproxy.cfg"
serves "$BOTH"
python3 - <<'EOF'
import fcntl, os, socket, struct, termios, threading, time
from peers import ending_of, finish, same

listener = socket.create_server(("127.0.0.1", int(os.environ["BACK"])))


def session(timer):
    """Both ends of one on which a byte went each way."""
    client = socket.create_connection(("127.0.0.1", int(os.environ[timer])))
    client.sendall(b"mine")
    while True:  # the look whether HAProxy serves made a session, too
        peer, _ = listener.accept()
        if peer.recv(4) == b"mine":
            peer.sendall(b"yours")
            client.recv(5)
            return client, peer


def endings(client, peer):
    heard = {}
    ends = {"origin": peer, "client": client}
    threads = [
        threading.Thread(target=lambda name=name: heard.update({name: ending_of(ends[name], 6)})) for name in ends
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return ", ".join(f"{name} {heard[name]}" for name in ends)


def unacknowledged(end):
    return struct.unpack("i", fcntl.ioctl(end, termios.TIOCOUTQ, bytes(4)))[0]


client, peer = session("CLIENT")
same("timeout client 2 s, server 60 s", endings(client, peer), "origin FIN, client held")
for _ in range(5):
    client.sendall(b"ping")
    time.sleep(0.2)
same("bytes of five pings not acknowledged", unacknowledged(client), 0)
same("what the origin gets of them", peer.recv(4096), b"")
peer.sendall(b"pushed")
client.settimeout(5)
same("what the client gets of the origin", client.recv(4096), b"pushed")
same("timeout server 2 s, client 60 s", endings(*session("SERVER")), "origin held, client FIN")
same("both 2 s", endings(*session("BOTH")), "origin FIN, client FIN")
finish()
EOF
