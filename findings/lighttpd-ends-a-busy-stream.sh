#!/usr/bin/env bash
# Guess:    An idle timer ends a WebSocket on which nothing moves. nginx, HAProxy, squid and
#           Apache restart theirs with every byte of either side.
# What is:  lighttpd keeps one timer for each direction. A session on which the server pushes data twice
#           a second, and the client needs to say nothing, is ended by max-read-idle (60 s unless set).
#           The other direction alone ends it, too, by max-write-idle.
# Seen:     origin pushes twice a second, max-read-idle 3 s: client saw a FIN after 3 to 6 s
#           client sends twice a second, max-write-idle 3 s: client saw a FIN after 3 to 6 s
#           both do: held
# Software: lighttpd 1.4.69 (Debian 1.4.69-1), mod_proxy with upgrade; measured 2026-11-30.
# Matters:  A ticker that "only breaks behind that box, always after a minute, whatever the traffic" is
#           this. Pings of the client cure it if the backend answers them, more data do not.
# Rights:   none.
. "$(dirname "$0")/stage.bash"

debian lighttpd=1.4.69-1 libpcre2-8-0 libxxhash0
ports FRONT BACK
cat >"$stage/lighttpd.conf" <<EOF
server.document-root = "$stage"
server.bind = "127.0.0.1"
server.port = $FRONT
server.modules = ("mod_proxy")
server.max-read-idle = 3
server.max-write-idle = 3
proxy.server = ("" => (("host" => "127.0.0.1", "port" => $BACK)))
proxy.header = ("upgrade" => "enable")
EOF
start lighttpd -D -m "$stage/unpacked/usr/lib/lighttpd" -f "$stage/lighttpd.conf"
serves "$FRONT"
python3 - <<'EOF'
import os, socket, time
from peers import UNANSWERED_PING, Client, Origin, about, ending_of, finish, frame, held_for, same

origin = Origin(int(os.environ["BACK"]))


def session():
    return origin.peer_of(
        lambda: Client(socket.create_connection(("127.0.0.1", int(os.environ["FRONT"]))), tls=False)
    )


def one_sided(who):
    return about(held_for(*session(), who, 10), 3, 6)


def both():
    client, peer = session()
    until = time.monotonic() + 12
    while time.monotonic() < until:
        client.send(UNANSWERED_PING)
        peer.sendall(frame(2, b"x"))
        if (ending := ending_of(client.raw, 0.4)) != "held":
            return ending
    return "held"


same("origin pushes twice a second, max-read-idle 3 s", one_sided("origin"), "client saw a FIN after 3 to 6 s")
same("client sends twice a second, max-write-idle 3 s", one_sided("client"), "client saw a FIN after 3 to 6 s")
same("both do", both(), "held")
finish()
EOF
