"""Owns squid in the suspect router: as an inspector in transit, and as a proxy that is asked."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.fakes.squid_service import squid_service
from tests.netlab.lab import Lab
from tests.netlab.processes import Process

IDLE_TIMEOUT_S = 3
"""It looks once a second."""
INTERCEPTING_PORT = 3129
ASKED_PORT = 3128
_CERTIFICATE_MAKER = "/usr/lib/squid/security_file_certgen"

_SQUID = f"""
pid_filename {{folder}}/squid.pid
cache_log {{folder}}/cache.log
access_log none
coredump_dir {{folder}}
cache deny all
pinger_enable off
shutdown_lifetime 1 seconds
read_timeout {{idle}} seconds
http_port {ASKED_PORT}
http_access allow all
"""
# The server's certificate is for its name, the Host header has its address: squid minds.
_BUMP = f"""
https_port {INTERCEPTING_PORT} intercept ssl-bump tls-cert={{folder}}/inspector.pem \
 generate-host-certificates=on dynamic_cert_mem_cache_size=4MB
sslcrtd_program {_CERTIFICATE_MAKER} -s {{folder}}/made -M 4MB
sslcrtd_children 2 startup=1
tls_outgoing_options cafile={{folder}}/root.pem
sslproxy_cert_error allow all
acl hello at_step SslBump1
acl answer at_step SslBump2
ssl_bump peek hello
ssl_bump stare answer
ssl_bump bump all
http_upgrade_request_protocols websocket allow all
"""


@contextmanager
def squid(lab: Lab, *, bumps: bool, idle_s: int = IDLE_TIMEOUT_S) -> Iterator[Process]:
    """Idle connections are closed after `idle_s`."""
    # It gives up root's rights, so it cannot stay in a folder of pytest's, which only root enters.
    with tempfile.TemporaryDirectory(prefix="netlab-") as name:
        folder = Path(name)
        folder.joinpath("inspector.pem").write_bytes(lab.certificates.inspector.read_bytes())
        folder.joinpath("root.pem").write_bytes(lab.certificates.root.read_bytes())
        text = (_SQUID + (_BUMP if bumps else "")).format(folder=folder, idle=idle_s)
        folder.joinpath("squid.conf").write_text(text)
        if bumps:
            lab.suspect.run(_CERTIFICATE_MAKER, "-c", "-s", str(folder / "made"), "-M", "4MB")
        for path in (folder, *folder.rglob("*")):
            shutil.chown(path, "proxy", "proxy")
        with squid_service() as service:
            command = ("squid", "-N", "-n", service, "-f", str(folder / "squid.conf"))
            process = lab.suspect.start("squid", *command)
            try:
                lab.suspect.wait_until_listening(INTERCEPTING_PORT if bumps else ASKED_PORT)
                yield process
            finally:
                process.stop()
