#!/usr/bin/env bash
# Guess:    `proxy_read_timeout` ends a proxied WebSocket whose backend hangs: nginx's manual says that
#           the connection is closed if the proxied server transmits nothing within this time.
# What is:  Once the connection is upgraded, bytes of the client restart that timer, too. A client that
#           pings holds a backend that never answers anything for ever; a silent client is let go.
# Seen:     backend silent, client silent, proxy_read_timeout 2 s: client saw a FIN after 2 to 4 s
#           backend silent, client pings twice a second: held
# Software: nginx 1.22.1 (Debian 1.22.1-9+deb12u11); measured 2026-11-30.
# Matters:  The heartbeat that a client sends against idle timers switches off the only timer that
#           would have found its backend hung. Whoever pings must count the pongs.
# Rights:   none.
. "$(dirname "$0")/stage.bash"

debian nginx=1.22.1-9+deb12u11 libpcre2-8-0
ports FRONT BACK
mkdir "$stage/tmp"
cat >"$stage/nginx.conf" <<EOF
daemon off;
master_process off;
pid $stage/pid;
error_log $stage/log;
events {}
http {
    access_log off;
    client_body_temp_path $stage/tmp;
    proxy_temp_path $stage/tmp;
    fastcgi_temp_path $stage/tmp;
    uwsgi_temp_path $stage/tmp;
    scgi_temp_path $stage/tmp;
    server {
        listen 127.0.0.1:$FRONT;
        location / {
            proxy_pass http://127.0.0.1:$BACK;
            proxy_http_version 1.1;
            proxy_set_header Upgrade \$http_upgrade;
            proxy_set_header Connection upgrade;
            proxy_read_timeout 2s;
        }
    }
}
EOF
start nginx -e "$stage/log" -c "$stage/nginx.conf"
serves "$FRONT"
python3 - <<'EOF'
import os, socket
from peers import Client, Origin, about, finish, held_for, same

origin = Origin(int(os.environ["BACK"]))


def held(who, seconds):
    client, peer = origin.peer_of(
        lambda: Client(socket.create_connection(("127.0.0.1", int(os.environ["FRONT"]))), tls=False)
    )
    return held_for(client, peer, who, seconds)


same("backend silent, client silent, proxy_read_timeout 2 s", about(held("neither", 8), 2, 4), "client saw a FIN after 2 to 4 s")
same("backend silent, client pings twice a second", held("client", 12), "held")
finish()
EOF
