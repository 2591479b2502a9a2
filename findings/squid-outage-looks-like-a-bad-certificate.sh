#!/usr/bin/env bash
# Guess:    Behind a squid that opens TLS (ssl_bump bump), a site has one substitute certificate. If the
#           origin is down, the client learns it from squid: 503, or a failed CONNECT.
# What is:  To deliver its 503, squid mints another leaf by the same CA, from the name alone: no
#           basicConstraints, no Authority Key Identifier, other dates and serial. A client with
#           OpenSSL's strict checks (Python's default since 3.13) never sees the 503: it reports
#           "Missing Authority Key Identifier". When the origin is back, so is the good leaf.
# Seen:     origin up: strict client: accepted; lenient client: accepted; extensions: authorityKeyIdentifier,
#           basicConstraints, subjectAltName
#           origin down: strict client: Missing Authority Key Identifier; lenient client: HTTP/1.1 503;
#           extensions: subjectAltName
# Software: squid 5.7 (Debian 5.7-2+deb12u6), clients Python's ssl with and without VERIFY_X509_STRICT on
#           OpenSSL 3, certificates read by cryptography 50.0.2; measured 2026-11-30.
# Matters:  An outage of the server is reported as a certificate fault by new clients and as an outage
#           by old ones. The leaf that flaps is no second inspector.
# Rights:   none.
. "$(dirname "$0")/stage.bash"

debian squid-openssl=5.7-2+deb12u6 squid-common=5.7-2+deb12u6 "${squid_libraries[@]}"
python_packages cryptography==50.0.2
ports SQUID BACK
cd "$stage"
for name in inspection origin; do
    openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj "/CN=$name CA" -keyout "$name.key" \
        -addext keyUsage=critical,keyCertSign,cRLSign -out "$name.pem" 2>/dev/null
done
openssl req -x509 -CA origin.pem -CAkey origin.key -newkey rsa:2048 -nodes -days 20 -subj /CN=localhost \
    -addext subjectAltName=DNS:localhost -addext basicConstraints=critical,CA:false \
    -keyout leaf.key -out leaf.pem 2>/dev/null
cat inspection.key inspection.pem >both.pem
chmod 644 ./*.pem
certgen=$stage/unpacked/usr/lib/squid/security_file_certgen
"$certgen" -c -s "$stage/certificates" -M 4MB >>"$stage/log"
chmod -R a+rwX "$stage/certificates" "$stage"
{
    echo "http_port 127.0.0.1:$SQUID ssl-bump cert=$stage/both.pem generate-host-certificates=on"
    echo "sslcrtd_program $certgen -s $stage/certificates -M 4MB"
    echo "sslcrtd_children 1 startup=1 idle=1"
    echo "tls_outgoing_options cafile=$stage/origin.pem"
    echo "acl first at_step SslBump1"
    echo "ssl_bump peek first"
    echo "ssl_bump stare all"
    echo "ssl_bump bump all"
    squid_settings
} >squid.conf
start squid -N -f squid.conf
serves "$SQUID"
python - <<'EOF'
import os, socket, ssl, threading
from cryptography import x509
from peers import finish, same

back = int(os.environ["BACK"])
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("leaf.pem", "leaf.key")


def serve(listener):
    while True:
        try:
            peer, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=answer, args=(peer,), daemon=True).start()


def answer(peer):
    try:
        with context.wrap_socket(peer, server_side=True) as session:
            session.recv(4096)
            session.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    except OSError:
        pass


def ask(strict):
    client = socket.create_connection(("127.0.0.1", int(os.environ["SQUID"])))
    client.sendall(b"CONNECT localhost:%d HTTP/1.1\r\nHost: localhost:%d\r\n\r\n" % (back, back))
    if b" 200 " not in client.recv(4096):
        return "CONNECT refused", []
    judge = ssl.create_default_context(cafile="inspection.pem")
    judge.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if strict:
        judge.verify_flags |= ssl.VERIFY_X509_STRICT
    try:
        session = judge.wrap_socket(client, server_hostname="localhost")
    except ssl.SSLCertVerificationError as error:
        return error.verify_message, []
    leaf = x509.load_der_x509_certificate(session.getpeercert(binary_form=True))
    session.sendall(b"GET / HTTP/1.1\r\nHost: localhost:%d\r\n\r\n" % back)
    first = session.recv(4096).decode("latin-1")
    return first[:12], sorted(one.oid._name for one in leaf.extensions)


listener = socket.create_server(("127.0.0.1", back))
threading.Thread(target=serve, args=(listener,), daemon=True).start()
same("origin up, strict client", ask(True)[0], "HTTP/1.1 200")
answered, extensions = ask(False)
same("origin up, lenient client", answered, "HTTP/1.1 200")
same("origin up, extensions", ", ".join(extensions), "authorityKeyIdentifier, basicConstraints, subjectAltName")
listener.shutdown(socket.SHUT_RDWR)
listener.close()
same("origin down, strict client", ask(True)[0], "Missing Authority Key Identifier")
answered, extensions = ask(False)
same("origin down, lenient client", answered, "HTTP/1.1 503")
same("origin down, extensions", ", ".join(extensions), "subjectAltName")
finish()
EOF
