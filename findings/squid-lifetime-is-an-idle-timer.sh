#!/usr/bin/env bash
# Guess:    squid's `client_lifetime` is what its manual calls it: the longest that a client may stay
#           connected, however busy. (1 day unless set.)
# What is:  For a CONNECT tunnel it is a second idle timer beside `read_timeout`. A tunnel with a byte in
#           either direction now and then outlives it, and a quiet one ends at the shorter of the two.
# Seen:     client_lifetime 3 s, read_timeout 15 min; tunnel quiet: FIN after 3 to 5 s
#           client sends, nobody answers: held for 10 s; origin sends, nobody answers: held for 10 s
# Software: squid 5.7 (Debian 5.7-2+deb12u6); measured 2026-11-30.
# Matters:  Lowered to "end every session after N minutes", it ends none that pings and cuts those
#           that are merely quiet; and a quiet session that breaks at an age is no proof of an age limit.
# Rights:   none.
. "$(dirname "$0")/stage.bash"

debian squid-openssl=5.7-2+deb12u6 squid-common=5.7-2+deb12u6 "${squid_libraries[@]}"
ports SQUID BACK
{
    echo "http_port 127.0.0.1:$SQUID"
    echo "client_lifetime 3 seconds"
    squid_settings
} >"$stage/squid.conf"
start squid -N -f "$stage/squid.conf"
serves "$SQUID"
python3 - <<'EOF'
import os, socket, time
from peers import about, ending_of, finish, same

back = int(os.environ["BACK"])
listener = socket.create_server(("127.0.0.1", back))


def tunnel():
    client = socket.create_connection(("127.0.0.1", int(os.environ["SQUID"])))
    client.sendall(b"CONNECT 127.0.0.1:%d HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" % back)
    peer, _ = listener.accept()
    if b" 200 " not in client.recv(4096):
        raise ConnectionError
    return client, peer


def life(sender):
    client, peer = tunnel()
    began = time.monotonic()
    while time.monotonic() - began < 10:
        if (ending := ending_of(client, 0.5)) != "held":
            return f"{ending} after {round(time.monotonic() - began)} s"
        if sender == "client":
            client.sendall(b"x")
        if sender == "origin":
            peer.sendall(b"x")
    return "held for 10 s"


same("quiet tunnel", about(life("neither"), 3, 5), "FIN after 3 to 5 s")
same("client sends, nobody answers", life("client"), "held for 10 s")
same("origin sends, nobody answers", life("origin"), "held for 10 s")
finish()
EOF
