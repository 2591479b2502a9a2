# What every finding here starts with; sourced, never run. A temporary folder that goes with the
# script, pinned packages in it, processes that end with it. It owns all installing and cleaning.
#
# Exit codes of a finding: 0 as stated, 1 the behaviour changed, 2 it could not be tried here.
set -euo pipefail
export LC_ALL=C PATH=$PATH:/usr/sbin:/sbin
findings=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
stage=$(mktemp -d)
chmod 755 "$stage" # some boxes drop their rights before they read their configuration
export STAGE=$stage PYTHONPATH=$findings PYTHONDONTWRITEBYTECODE=1
started=()

leave() {
    local status=$? pid
    trap - EXIT
    for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done
    for pid in "${started[@]}"; do
        timeout 5 tail --pid="$pid" -s 0.1 -f /dev/null || kill -KILL "$pid" 2>/dev/null || true
    done
    wait 2>/dev/null || true
    rm -rf "$stage"
    exit "$status"
}
trap leave EXIT
trap 'exit 130' INT TERM

untried() {
    printf 'NOT TRIED: %s\n' "$*" >&2
    exit 2
}

# Debian packages unpacked into the folder; NAME=VERSION is the software itself, a bare NAME one of
# its libraries, as the machine's Debian has it. Nothing is installed and no service is started.
debian() {
    local package
    mkdir -p "$stage/debs" "$stage/unpacked"
    (cd "$stage/debs" && apt-get -qq -o APT::Sandbox::User="$(id -un)" download "$@" 2>"$stage/apt") ||
        untried "apt-get cannot download $* ($(tail -n 1 "$stage/apt"))"
    for package in "$stage"/debs/*.deb; do dpkg-deb -x "$package" "$stage/unpacked"; done
    rm -f "$stage"/debs/*.deb
    libraries=$stage/unpacked/usr/lib/$(gcc_triplet):$stage/unpacked/lib/$(gcc_triplet)
    export PATH=$stage/unpacked/usr/sbin:$stage/unpacked/usr/bin:$PATH LD_LIBRARY_PATH=$libraries
}

gcc_triplet() { printf '%s-linux-gnu' "$(uname -m)"; }

# The libraries of boxes that more than one finding runs.
haproxy_libraries=(liblua5.3-0 libopentracing-c-wrapper0 libopentracing1 libpcre2-8-0)
nft_libraries=(libnftables1 libnftnl11 libmnl0 libjansson4 libxtables12 libedit2 libgmp10)
squid_libraries=(
    squid-langpack libecap3 libgssapi-krb5-2 libltdl7 libmnl0 libnetfilter-conntrack3 libnfnetlink0
    libnettle8
)

# What squid needs to run from the folder, beside ports and what is measured.
squid_settings() {
    touch "$stage/squid.log" && chmod 666 "$stage/squid.log"
    cat <<EOF
http_access allow all
pid_filename none
cache deny all
access_log none
cache_log $stage/squid.log
coredump_dir $stage
mime_table $stage/unpacked/usr/share/squid/mime.conf
icon_directory $stage/unpacked/usr/share/squid/icons
error_directory $stage/unpacked/usr/share/squid-langpack/en
shutdown_lifetime 0 seconds
EOF
    [ "$(id -u)" -ne 0 ] || echo "cache_effective_user nobody"
}

# Python packages, NAME==VERSION, in an environment of their own.
python_packages() {
    python3 -m venv "$stage/venv"
    "$stage/venv/bin/python" -m pip --disable-pip-version-check --quiet install --no-compile "$@" 2>"$stage/pip" ||
        untried "pip cannot install $* ($(tail -n 1 "$stage/pip"))"
    export PATH=$stage/venv/bin:$PATH
}

# As many free ports of loopback as names are given, each in the variable of that name. They lie
# below the range from which the kernel takes local ports, so that no stranger's session has one.
ports() {
    local free # a variable, so that the sockets are closed when the shell goes on
    free=$(python3 -c '
import random, socket, sys
held = []
for port in random.sample(range(15000, 32000), 500):
    try:
        held.append(socket.create_server(("127.0.0.1", port)))
    except OSError:
        continue
    if len(held) == len(sys.argv) - 1:
        break
print(*(one.getsockname()[1] for one in held))' "$@")
    read -r "$@" <<<"$free"
    export "$@"
}

# A process that ends with the script; what it prints is shown only if it fails to serve.
start() {
    "$@" >>"$stage/log" 2>&1 &
    started+=("$!")
}

serves() {
    python3 -c '
import socket, sys, time
for _ in range(200):
    try:
        socket.create_connection(("127.0.0.1", int(sys.argv[1]))).close()
        break
    except OSError:
        time.sleep(0.1)
else:
    sys.exit(1)' "$1" || { cat "$stage/log" >&2; untried "nothing listens on port $1"; }
}

# A certificate for localhost, self-signed: certificate.pem, key.pem and both.pem.
certificate() {
    openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=localhost \
        -addext subjectAltName=DNS:localhost -keyout "$stage/key.pem" \
        -out "$stage/certificate.pem" 2>/dev/null
    cat "$stage/key.pem" "$stage/certificate.pem" >"$stage/both.pem"
    chmod 644 "$stage"/*.pem
}

# A command in a network namespace of its own, where it is root and has loopback alone.
alone() {
    local namespaces=(--net)
    [ "$(id -u)" -eq 0 ] || namespaces+=(--user --map-root-user)
    unshare "${namespaces[@]}" true 2>/dev/null ||
        untried "this machine gives no network namespace (as root, or by a user namespace)"
    unshare "${namespaces[@]}" "$@"
}
