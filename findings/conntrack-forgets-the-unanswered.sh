#!/usr/bin/env bash
# Guess:    A Linux NAT or firewall remembers an established TCP connection for
#           nf_conntrack_tcp_timeout_established (5 days), each packet starting that time anew.
# What is:  While a segment with data is not acknowledged, the entry lives for
#           nf_conntrack_tcp_timeout_unacknowledged instead: 300 s unless set. The packet that shortened
#           it need not be the client's: data of the server that the client does not acknowledge
#           do the same. The acknowledgement gives the 5 days back.
# Seen:     quiet: above 431000 s; one segment of the client unanswered: at most 300 s; of the server: at
#           most 300 s; acknowledged: above 431000 s
#           unacknowledged set to 2 s, nothing more passes for 5 s: the quiet entry is there, the other gone
# Software: Linux 6.18 (nf_conntrack), read by conntrack 1.4.7 (Debian 1:1.4.7-1+b2), rules by nftables 1.0.6;
#           measured 2026-11-30.
# Matters:  A host that sleeps for six minutes comes back to a working session, unless a heartbeat of its
#           own was on its way when it fell asleep: of equal sessions the busy ones are lost, and the
#           5 days that the administrator quotes never came into play.
# Rights:   root or user namespaces.
. "$(dirname "$0")/stage.bash"

debian conntrack=1:1.4.7-1+b2 nftables=1.0.6-2+deb12u2 libnetfilter-conntrack3 libnfnetlink0 "${nft_libraries[@]}"
alone python3 - <<'EOF'
import pathlib, re, socket, subprocess, time
from peers import dropping, finish, loopback_up, nft, same

TRACK = "table inet track {\nchain o {\ntype filter hook output priority 0; ct state established accept\n}\n}\n"
LIMIT = pathlib.Path("/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_unacknowledged")
loopback_up()
nft(TRACK)
listener = socket.create_server(("127.0.0.1", 8000))


def pair():
    client = socket.create_connection(("127.0.0.1", 8000))
    peer, _ = listener.accept()
    for one, other in ((client, peer), (peer, client)):
        one.sendall(b"x")
        other.recv(1)
    time.sleep(0.2)  # a delayed acknowledgement
    return client, peer


def life(client):
    """What remains of the entry, as its kind."""
    port = str(client.getsockname()[1])
    listed = subprocess.run(["conntrack", "-L", "-p", "tcp", "--orig-port-src", port], capture_output=True, text=True)
    if not (found := re.search(r"tcp +6 +(\d+) +(\w+)", listed.stdout)):
        return "no entry"
    seconds = int(found[1])
    kind = "at most 300 s" if seconds <= 300 else "above 431000 s" if seconds > 431000 else f"{seconds} s"
    return f"{found[2]}, {kind}"


def lost(client):
    """What the stacks send is tracked, and then lost."""
    port = client.getsockname()[1]
    return dropping([f"tcp sport {port} drop", f"tcp dport {port} drop"])


def unseen(client):
    """What the stacks send is lost before it is tracked."""
    port = client.getsockname()[1]
    rules = f"tcp sport {port} drop\ntcp dport {port} drop"
    return f"table inet raw {{\nchain o {{\ntype filter hook output priority -400;\n{rules}\n}}\n}}\n"


quiet, _ = pair()
same("quiet", life(quiet), "ESTABLISHED, above 431000 s")
for who in ("client", "server"):
    client, peer = pair()
    nft(TRACK + lost(client))
    (client if who == "client" else peer).sendall(b"ping")
    same(f"one segment of the {who} unanswered", life(client), "ESTABLISHED, at most 300 s")
    nft(TRACK)
    (peer if who == "client" else client).settimeout(10)
    (peer if who == "client" else client).recv(4)
    time.sleep(0.3)
    same(f"the {who}'s segment acknowledged", life(client), "ESTABLISHED, above 431000 s")

LIMIT.write_text("2")
client, peer = pair()
nft(TRACK + lost(client))
client.sendall(b"ping")
nft(TRACK + unseen(client))
time.sleep(5)
same("quiet, after 5 s with a limit of 2 s", life(quiet), "ESTABLISHED, above 431000 s")
same("unanswered, after 5 s with a limit of 2 s", life(client), "no entry")
finish()
EOF
