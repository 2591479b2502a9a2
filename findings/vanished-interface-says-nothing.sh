#!/usr/bin/env bash
# Guess:    When a VPN client ends and its interface goes, TCP sessions through it get an error
#           (ENETDOWN, ENETUNREACH), at the latest when they send; and what they send shows as
#           unacknowledged, and as retransmissions.
# What is:  They are told nothing. poll reports nothing, send succeeds, again and again; the state stays
#           ESTABLISHED, with nothing unacknowledged and no retransmission, for nothing has left: the bytes
#           wait in the send queue, and the kernel counts its tries as probes (tcp_send_probe0).
# Seen:     the interface is deleted, nothing is sent: ESTAB for 8 s, poll says nothing
#           it is deleted, two sends: both succeed, poll says nothing for 8 s; ESTAB, bytes that wait
#           packets are lost behind it, two sends: the same; ESTAB, unacknowledged, retransmissions
#           it is deleted, with a user timeout of 3 s, two sends: both succeed; ETIMEDOUT after 3 to 5 s
# Software: Linux 6.18, read by ss of iproute2 6.1.0 (Debian 6.1.0-3); measured 2026-11-30.
# Matters:  A gateway that ends a quiet tunnel (ocserv's idle-timeout; openconnect then exits) leaves every
#           held session looking healthy: a monitor of retransmissions or of unacknowledged data sees
#           less than in a black hole. Set TCP_USER_TIMEOUT, ping, and watch the interface.
# Rights:   root or user namespaces.
. "$(dirname "$0")/stage.bash"

debian iproute2=6.1.0-3 libbpf1 libelf1 libmnl0 libbsd0 libcap2 libmd0
alone python3 - <<'EOF'
import errno, re, select, socket, subprocess, time
from peers import finish, same

ECHOES = """
import socket
with socket.create_server(("192.0.2.2", 8000)) as listener:
    print("listening", flush=True)
    peers = []
    while True:
        peers.append(listener.accept()[0])
        peers[-1].sendall(peers[-1].recv(9))
"""
SECONDS = 8


def ip(*words, at=()):
    subprocess.run([*at, "ip", *words], check=True)


def session():
    """Through a new interface to a namespace behind it, in which somebody answers once."""
    far = subprocess.Popen(["unshare", "--net", "sleep", "60"])
    inside = ["nsenter", "--net", "--target", str(far.pid)]
    own = subprocess.run(["readlink", "/proc/self/ns/net"], capture_output=True, check=True).stdout
    while subprocess.run(["readlink", f"/proc/{far.pid}/ns/net"], capture_output=True).stdout == own:
        time.sleep(0.05)
    ip("link", "add", "vpn", "type", "veth", "peer", "name", "far", "netns", str(far.pid))
    ip("addr", "add", "192.0.2.1/24", "dev", "vpn")
    ip("link", "set", "vpn", "up")
    ip("addr", "add", "192.0.2.2/24", "dev", "far", at=inside)
    ip("link", "set", "far", "up", at=inside)
    echo = subprocess.Popen([*inside, "python3", "-c", ECHOES], stdout=subprocess.PIPE)
    echo.stdout.readline()
    client = socket.create_connection(("192.0.2.2", 8000))
    client.sendall(b"x")
    client.recv(1)
    time.sleep(0.3)  # a delayed acknowledgement

    def leave():
        client.close()
        echo.kill()
        far.kill()
        subprocess.run(["ip", "link", "del", "vpn"], stderr=subprocess.DEVNULL)

    return client, leave


def heard(client, seconds):
    """What poll reports of it."""
    poll = select.poll()
    poll.register(client, select.POLLIN | select.POLLRDHUP)
    began = time.monotonic()
    if not poll.poll(1000 * seconds):
        return "nothing"
    after, error = time.monotonic() - began, client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    soon = "3 to 5 s" if 2.9 <= after <= 5 else f"{after:.1f} s"
    return f"{errno.errorcode.get(error, error)} after {soon}"


def seen(client):
    """What ss tells of it."""
    port = client.getsockname()[1]
    told = subprocess.run(["ss", "-HtinO", "sport", "=", f":{port}"], capture_output=True, text=True, check=True).stdout
    signs = {"unacknowledged": r"\bunacked:\d", "retransmissions": r"\bretrans:", "bytes that wait": r"\bnotsent:\d"}
    return ", ".join([told.split()[0], *(name for name, sign in signs.items() if re.search(sign, told))])


def sent_twice(client):
    return client.send(b"ping"), client.send(b"ping")


for gone in (True, False):
    what = "the interface is deleted" if gone else "packets are lost behind it"
    client, leave = session()
    if gone:
        ip("link", "del", "vpn")
        same(f"{what}, nothing is sent: poll says", heard(client, SECONDS), "nothing")
        same(f"{what}, nothing is sent", seen(client), "ESTAB")
    else:
        ip("neigh", "replace", "192.0.2.2", "lladdr", "02:00:00:00:00:99", "nud", "permanent", "dev", "vpn")
    same(f"{what}, two sends", sent_twice(client), (4, 4))
    same(f"{what}: poll says", heard(client, SECONDS), "nothing")
    signs = "bytes that wait" if gone else "unacknowledged, retransmissions"
    same(what, seen(client), f"ESTAB, {signs}")
    leave()

client, leave = session()
client.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 3000)
ip("link", "del", "vpn")
same("with a user timeout of 3 s, two sends", sent_twice(client), (4, 4))
same("with a user timeout of 3 s: poll says", heard(client, SECONDS), "ETIMEDOUT after 3 to 5 s")
leave()
finish()
EOF
