#!/usr/bin/env bash
# Guess:    A TLS proxy ends the client's session as the origin ended its own: an orderly FIN becomes
#           close_notify and FIN, a reset becomes a cut without close_notify.
# What is:  Apache does the reverse. When a WebSocket origin resets, the client gets close_notify and
#           FIN, as clean an end as TLS has. When the origin ends by FIN, even after a close frame,
#           the client gets a bare FIN: to TLS a truncation (OpenSSL: "unexpected eof").
# Seen:     origin sends FIN: FIN
#           origin sends close frame 1001, FIN: close 1001, FIN
#           origin sends RST: close_notify, FIN
# Software: Apache httpd 2.4.71 (Debian 2.4.71-1~deb12u1), mod_proxy_http with upgrade=websocket,
#           mod_ssl on OpenSSL 3.0, the same over TLS 1.2 and 1.3; measured 2026-11-30.
# Matters:  Who counts truncations as attacks or faults of the path, and clean ends as the server's
#           will, has both the wrong way round behind this box.
# Rights:   none.
. "$(dirname "$0")/stage.bash"

debian apache2-bin=2.4.71-1~deb12u1 libapr1 libaprutil1
certificate
ports FRONT BACK
cat >"$stage/apache.conf" <<EOF
ServerRoot $stage
ServerName localhost
Listen 127.0.0.1:$FRONT
PidFile $stage/pid
ErrorLog $stage/log
DefaultRuntimeDir $stage
Mutex pthread
$(for module in mpm_event authz_core ssl proxy proxy_http; do
    echo "LoadModule ${module}_module $stage/unpacked/usr/lib/apache2/modules/mod_$module.so"
done)
$([ "$(id -u)" -ne 0 ] || printf 'User nobody\nGroup nogroup\n')
SSLEngine on
SSLCertificateFile $stage/certificate.pem
SSLCertificateKeyFile $stage/key.pem
ProxyPass / http://127.0.0.1:$BACK/ upgrade=websocket
EOF
start apache2 -f "$stage/apache.conf" -DFOREGROUND
serves "$FRONT"
python3 - <<'EOF'
import os, socket
from peers import Client, Origin, close_frame, finish, reset, same

front = int(os.environ["FRONT"])
origin = Origin(int(os.environ["BACK"]))


def story(end):
    client, peer = origin.peer_of(lambda: Client(socket.create_connection(("127.0.0.1", front)), tls=True))
    end(peer)
    return ", ".join(client.story(5))


def goodbye(peer):
    peer.sendall(close_frame(1001))
    peer.close()


for _ in range(2):
    same("origin sends FIN", story(lambda peer: peer.close()), "FIN")
    same("origin sends close frame 1001, FIN", story(goodbye), "close 1001, FIN")
    same("origin sends RST", story(reset), "close_notify, FIN")
finish()
EOF
