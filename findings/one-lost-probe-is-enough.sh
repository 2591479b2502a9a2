#!/usr/bin/env bash
# Guess:    TCP_USER_TIMEOUT beside keepalive only shortens how long probes are tried: with 9 probes, one
#           a second, and a user timeout of 3 s, some three must stay unanswered before a quiet
#           session is given up.
# What is:  The user timeout is counted from the last segment that arrived, not from the first probe. Where
#           it is shorter than the keepalive's idle time, it has run out before the first probe is sent,
#           and one lost probe, or one lost answer, ends the session: the count of 9 means 1.
# Seen:     idle 4 s, every 1 s, 9 probes; the first probe is lost, all else passes:
#           without a user timeout: held for 12 s
#           with a user timeout of 3 s: ended after 5 to 7 s
#           with it, nothing lost: held for 12 s
# Software: HAProxy 2.6.12 (Debian 2.6.12-1+deb12u4; clitcpka-* and tcp-ut), Linux 6.18; nftables 1.0.6
#           drops; measured 2026-11-30.
# Matters:  "Keepalive 60 s, 5 probes; user timeout 30 s" is a common pair, and gives up quiet sessions
#           at 1 % of loss about once in 50 minutes each (a probe and its answer are two packets).
#           tcp(7) says only that the user timeout overrides keepalive. Keep it above
#           idle + interval x count.
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
    clitcpka-idle 4s
    clitcpka-intvl 1s
    clitcpka-cnt 9
listen keepalive
    bind 127.0.0.1:8001
    server origin 127.0.0.1:8000
listen keepalive_and_user_timeout
    bind 127.0.0.1:8002 tcp-ut 3s
    server origin 127.0.0.1:8000
EOF
alone python3 - <<'EOF'
import os
from peers import about, behind_haproxy, dropping, finish, loopback_up, same


def first_probe(client):
    """A probe is a segment without data, 52 bytes with its headers: the next does not fit any more."""
    return dropping([f"tcp sport {{ 8001, 8002 }} tcp dport {client} quota until 60 bytes drop"])


loopback_up()
with behind_haproxy(f"{os.environ['STAGE']}/haproxy.cfg") as life:
    same("first probe lost, no user timeout", life(8001, first_probe, pushes=False, within=12), "held for 12 s")
    same("first probe lost, user timeout 3 s", about(life(8002, first_probe, pushes=False, within=12), 5, 7), "ended after 5 to 7 s")
    same("nothing lost, user timeout 3 s", life(8002, lambda _: "", pushes=False, within=12), "held for 12 s")
finish()
EOF
