#!/usr/bin/env bash
# Guess:    When one side of a proxied WebSocket vanishes without a close frame, the proxy ends the other
#           side without one, too (1006 there), as nginx, HAProxy and squid do.
# What is:  mitmproxy writes a close frame of its own: code 1000, "normal closure", no reason. It does so
#           for a RST as for a FIN, and towards the server as towards the client. Close frames that were
#           really sent pass with their code and reason, an empty one stays empty.
# Seen:     origin RST: client reads close 1000, FIN; origin FIN: client reads close 1000, FIN
#           client RST: origin reads close 1000; client FIN: origin reads close 1000
#           origin sends close 1012: client reads close 1012, FIN
# Software: mitmproxy 11.0.2, regular mode, ws://
#           by CONNECT; measured 2026-11-30.
# Matters:  Behind such an inspector a crash of the server is a farewell in every log: a count of 1000s
#           proves no orderly end, and 1006 disappears from the statistics.
# Rights:   none.
. "$(dirname "$0")/stage.bash"

python3 -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || untried "this pin needs Python 3.11"
python_packages mitmproxy==11.0.2 urwid==2.6.16 wsproto==1.2.0
ports PROXY BACK
start mitmdump --quiet --mode "regular@127.0.0.1:$PROXY" --set confdir="$stage/mitmproxy"
serves "$PROXY"
python3 - <<'EOF'
import os, socket
from peers import Client, Origin, close_frame, finish, reset, same, unmasked

back = int(os.environ["BACK"])
origin = Origin(back)


def client():
    raw = socket.create_connection(("127.0.0.1", int(os.environ["PROXY"])))
    raw.sendall(b"CONNECT 127.0.0.1:%d HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % (back, back))
    if b" 200 " not in raw.recv(4096):
        raise ConnectionError
    return Client(raw, tls=False)


def at_client(end):
    session, peer = origin.peer_of(client)
    end(peer)
    return ", ".join(session.story(5))


def at_origin(end):
    session, peer = origin.peer_of(client)
    end(session.raw)
    peer.settimeout(5)
    data = peer.recv(4096)
    return f"close {int.from_bytes(unmasked(data)[:2], 'big')}" if data[:1] == b"\x88" else repr(data)


def goodbye(peer):
    peer.sendall(close_frame(1012, b"restart"))
    peer.close()


same("origin RST, client reads", at_client(reset), "close 1000, FIN")
same("origin FIN, client reads", at_client(lambda peer: peer.close()), "close 1000, FIN")
same("client RST, origin reads", at_origin(reset), "close 1000")
same("client FIN, origin reads", at_origin(lambda raw: raw.close()), "close 1000")
same("origin sends close 1012, client reads", at_client(goodbye), "close 1012, FIN")
finish()
EOF
