"""A real squid on loopback that bumps TLS with a CA of the test's."""

import getpass
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.fakes.nginx import free_port, wait_for
from tests.fakes.squid_service import squid_service
from tests.fakes.tools import missing

_PATIENCE_S = 20.0
_CONFIG = """
http_port 127.0.0.1:{port} ssl-bump generate-host-certificates=on \\
    dynamic_cert_mem_cache_size=4MB cert={folder}/squid-ca.pem
sslcrtd_program {certgen} -s {folder}/ssl_db -M 4MB
sslcrtd_children 1
acl step1 at_step SslBump1
ssl_bump peek step1
ssl_bump bump all
sslproxy_cert_error allow all
tls_outgoing_options flags=DONT_VERIFY_PEER
http_access allow all
hosts_file {folder}/hosts
cache deny all
cache_mem 8 MB
access_log none
cache_log {folder}/cache.log
pid_filename {folder}/squid.pid
coredump_dir {folder}
netdb_filename none
pinger_enable off
workers 1
shutdown_lifetime 0 seconds
cache_effective_user {user}
visible_hostname squid.test
"""


def _certgen() -> str | None:
    places = ("/usr/lib/squid/security_file_certgen", "/usr/lib64/squid/security_file_certgen")
    return next((place for place in places if Path(place).is_file()), None)


@contextmanager
def bumping_squid(ca: bytes, host: str) -> Iterator[int]:
    """Bumps while the block runs; gives its port. `ca`: key and certificate, PEM."""
    # Not in pytest's own folder: nobody but the test runner may enter that, and squid is another.
    with tempfile.TemporaryDirectory(prefix="stresser-squid-") as folder:
        yield from _bumping(Path(folder), ca, host)


def _bumping(folder: Path, ca: bytes, host: str) -> Iterator[int]:
    squid, certgen = shutil.which("squid", path="/usr/sbin:/usr/bin:/usr/local/sbin"), _certgen()
    if squid is None or certgen is None:
        missing("squid with OpenSSL is not installed")
    user = "proxy" if os.geteuid() == 0 else getpass.getuser()
    port = free_port()
    (folder / "squid-ca.pem").write_bytes(ca)
    (folder / "hosts").write_text(f"127.0.0.1 {host}\n")
    config = folder / "squid.conf"
    config.write_text(_CONFIG.format(port=port, folder=folder, certgen=certgen, user=user))
    subprocess.run(
        [certgen, "-c", "-s", str(folder / "ssl_db"), "-M", "4MB"], check=True, capture_output=True
    )
    if os.geteuid() == 0:
        _give_to(user, folder)
    with squid_service() as name:
        process = subprocess.Popen(
            [squid, "-N", "-n", name, "-f", str(config)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            wait_for(port, process, folder / "cache.log")
            yield port
        finally:
            process.terminate()
            _reap(process)


def _give_to(user: str, folder: Path) -> None:
    """Started as root, squid works as another user."""
    for path in (folder, *folder.rglob("*")):
        shutil.chown(path, user)


def _reap(process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + _PATIENCE_S
    try:
        process.wait(deadline - time.monotonic())
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
