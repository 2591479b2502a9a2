#!/usr/bin/env bash
# Guess:    HAProxy with `option clitcpka`, idle 1 s, interval 1 s, 2 probes, finds a client that vanished
#           within some 3 s, and sooner rather than later if data are on their way to it.
# What is:  Linux sends no keepalive while data wait for an acknowledgement. If the origin pushes, the
#           probes never start, and the vanished client is held until the retransmissions run out (some
#           15 minutes by tcp_retries2). `tcp-ut` on the bind line (TCP_USER_TIMEOUT) ends it in time.
# Seen:     client vanishes, origin silent: ended after 3 to 5 s
#           client vanishes, origin pushes twice a second: held for 20 s
#           the same with tcp-ut 4s: ended after 4 to 6 s
# Software: HAProxy 2.6.12 (Debian 2.6.12-1+deb12u4), Linux 6.18; nftables 1.0.6 drops; measured 2026-11-30.
# Matters:  Busy half-open sessions outlive quiet ones by a quarter of an hour: "ghosts" that count against
#           maxconn after an outage, just where keepalive was set to prevent it.
# Rights:   root or user namespaces.
. "$(dirname "$0")/stage.bash"

debian haproxy=2.6.12-1+deb12u4 nftables=1.0.6-2+deb12u2 "${haproxy_libraries[@]}" "${nft_libraries[@]}"
cat >"$stage/haproxy.cfg" <<EOF
defaults
    mode tcp
    timeout connect 5s
    timeout client 1h
    timeout server 1h
    option clitcpka
    clitcpka-idle 1s
    clitcpka-intvl 1s
    clitcpka-cnt 2
listen keepalive
    bind 127.0.0.1:8001
    server origin 127.0.0.1:8000
listen keepalive_and_user_timeout
    bind 127.0.0.1:8002 tcp-ut 4s
    server origin 127.0.0.1:8000
EOF
alone python3 - <<'EOF'
import os
from peers import about, behind_haproxy, black_hole, finish, loopback_up, same

loopback_up()
with behind_haproxy(f"{os.environ['STAGE']}/haproxy.cfg") as life:
    same("client vanishes, origin silent", about(life(8001, black_hole, pushes=False, within=10), 3, 5), "ended after 3 to 5 s")
    same("client vanishes, origin pushes", life(8001, black_hole, pushes=True, within=20), "held for 20 s")
    same("the same with tcp-ut 4s", about(life(8002, black_hole, pushes=True, within=12), 4, 6), "ended after 4 to 6 s")
finish()
EOF
