#!/usr/bin/env bash
# Guess:    With TCP_NODELAY at the client and at the server, a proxy on the same machine adds well under
#           a millisecond to a round trip, whichever proxy it is.
# What is:  The two sockets in the middle are the proxy's. tinyproxy and microsocks leave Nagle's
#           algorithm on: of a message that arrives in two pieces, the second waits until the far
#           kernel acknowledges the first, and that kernel delays its acknowledgement by some 40 ms.
#           HAProxy and squid switch it off.
# Seen:     median round trip of a message sent in two writes 2 ms apart, over loopback:
#           direct: under 10 ms; haproxy: under 10 ms; squid: under 10 ms
#           tinyproxy: 40 to 60 ms; microsocks: 40 to 60 ms
# Software: tinyproxy 1.11.1 (Debian 1.11.1-2.1+deb12u1), microsocks 1.0.3 (Debian 1.0.3-2), HAProxy
#           2.6.12 (Debian 2.6.12-1+deb12u4), squid 5.7 (Debian 5.7-2+deb12u6); measured 2026-11-30.
# Matters:  A heartbeat in one write shows nothing of it, real traffic has 40 ms more: "the VPN is slow,
#           but your measurement says it is not". Who measures through a proxy sends as the application.
# Rights:   none.
. "$(dirname "$0")/stage.bash"

debian tinyproxy-bin=1.11.1-2.1+deb12u1 microsocks=1.0.3-2 haproxy=2.6.12-1+deb12u4 \
    squid-openssl=5.7-2+deb12u6 squid-common=5.7-2+deb12u6 \
    "${haproxy_libraries[@]}" "${squid_libraries[@]}"
ports ECHO TINY MICRO HAPROXY SQUID
printf 'Listen 127.0.0.1\nPort %s\nTimeout 60\nMaxClients 50\n' "$TINY" >"$stage/tinyproxy.conf"
cat >"$stage/haproxy.cfg" <<EOF
defaults
    mode tcp
    timeout connect 5s
    timeout client 60s
    timeout server 60s
listen echo
    bind 127.0.0.1:$HAPROXY
    server echo 127.0.0.1:$ECHO
EOF
{ echo "http_port 127.0.0.1:$SQUID" && squid_settings; } >"$stage/squid.conf"
start tinyproxy -d -c "$stage/tinyproxy.conf"
start microsocks -i 127.0.0.1 -p "$MICRO"
start haproxy -db -f "$stage/haproxy.cfg"
start squid -N -f "$stage/squid.conf"
for port in "$TINY" "$MICRO" "$HAPROXY" "$SQUID"; do serves "$port"; done
python3 - <<'EOF'
import os, socket, statistics, threading, time
from peers import finish, same

port = {name: int(os.environ[name]) for name in ("ECHO", "TINY", "MICRO", "HAPROXY", "SQUID")}


def exactly(peer, size):
    data = b""
    while len(data) < size:
        more = peer.recv(size - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def echo(peer):
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        while True:
            peer.sendall(exactly(peer, 20))
    except (EOFError, OSError):
        peer.close()


def serve(listener):
    while True:
        threading.Thread(target=echo, args=(listener.accept()[0],), daemon=True).start()


def to(name):
    return socket.create_connection(("127.0.0.1", port[name]))


def by_connect(name):
    peer = to(name)
    peer.sendall(b"CONNECT 127.0.0.1:%d HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" % port["ECHO"])
    head = b""
    while b"\r\n\r\n" not in head:
        head += exactly(peer, 1)
    return peer


def by_socks(name):
    peer = to(name)
    peer.sendall(b"\5\1\0")
    exactly(peer, 2)
    peer.sendall(b"\5\1\0\1\x7f\0\0\1" + port["ECHO"].to_bytes(2, "big"))
    exactly(peer, 10)
    return peer


def median_of(peer):
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    delays = []
    for _ in range(30):
        began = time.monotonic()
        peer.sendall(b"0123456789")
        time.sleep(0.002)
        peer.sendall(b"0123456789")
        exactly(peer, 20)
        delays.append(time.monotonic() - began)
        time.sleep(0.02)
    median = statistics.median(delays)
    return "under 10 ms" if median < 0.010 else "40 to 60 ms" if 0.040 <= median <= 0.060 else f"{median * 1e3:.0f} ms"


threading.Thread(target=serve, args=(socket.create_server(("127.0.0.1", port["ECHO"])),), daemon=True).start()
same("direct", median_of(to("ECHO")), "under 10 ms")
same("haproxy", median_of(to("HAPROXY")), "under 10 ms")
same("squid", median_of(by_connect("SQUID")), "under 10 ms")
same("tinyproxy", median_of(by_connect("TINY")), "40 to 60 ms")
same("microsocks", median_of(by_socks("MICRO")), "40 to 60 ms")
finish()
EOF
