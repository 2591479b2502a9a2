"""Owns boxes that open TLS in transit, with a root that an administrator installed on the host."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.fakes.tools import tool
from tests.netlab import firewalls
from tests.netlab.lab import Lab
from tests.netlab.processes import Process
from tests.netlab.tester import TOP, WSS_PORT

IDLE_TIMEOUT_S = 3
_PORT = 3129
_PLAIN_PORT = 3127
_CERTIFICATE_MAKER = "/usr/lib/squid/security_file_certgen"

# The server's certificate is for its name, the Host header has its address: squid minds.
_SQUID = f"""
pid_filename {{folder}}/squid.pid
cache_log {{folder}}/cache.log
access_log none
coredump_dir {{folder}}
cache deny all
pinger_enable off
shutdown_lifetime 1 seconds
read_timeout {IDLE_TIMEOUT_S} seconds
http_port {_PLAIN_PORT}
https_port {_PORT} intercept ssl-bump tls-cert={{folder}}/inspector.pem \
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
http_access allow all
"""


@contextmanager
def squid(lab: Lab) -> Iterator[Process]:
    """Squid with ssl_bump; idle connections are closed after `IDLE_TIMEOUT_S`."""
    # It gives up root's rights, so it cannot stay in a folder of pytest's, which only root enters.
    with tempfile.TemporaryDirectory(prefix="netlab-") as name:
        folder = Path(name)
        folder.joinpath("inspector.pem").write_bytes(lab.certificates.inspector.read_bytes())
        folder.joinpath("root.pem").write_bytes(lab.certificates.root.read_bytes())
        folder.joinpath("squid.conf").write_text(_SQUID.format(folder=folder))
        lab.suspect.run(_CERTIFICATE_MAKER, "-c", "-s", str(folder / "made"), "-M", "4MB")
        for path in (folder, *folder.rglob("*")):
            shutil.chown(path, "proxy", "proxy")
        # Its shared memory goes by the name of its service.
        service = f"netlab{os.getpid()}"
        command = ("squid", "-N", "-n", service, "-f", str(folder / "squid.conf"))
        process = _catch(lab, lab.suspect.start("squid", *command))
        try:
            yield process
        finally:
            process.stop()


def start_mitmproxy(lab: Lab, mitmdump: str) -> Process:
    folder = lab.folder / "mitmproxy"
    folder.mkdir()
    folder.joinpath("mitmproxy-ca.pem").write_bytes(lab.certificates.inspector.read_bytes())
    return _catch(
        lab,
        lab.suspect.start(
            "mitmproxy", mitmdump, "--mode", f"transparent@{_PORT}", "--quiet",
            "--set", f"confdir={folder}",
            "--set", f"ssl_verify_upstream_trusted_ca={lab.certificates.root}",
        ),
    )  # fmt: skip


def mitmdump() -> str:
    """Its command, from the environment that `make netlab` makes for it, or from PATH."""
    own = TOP / ".venv-mitmproxy" / "bin" / "mitmdump"
    return str(own) if own.exists() else tool("mitmdump")


def _catch(lab: Lab, inspector: Process) -> Process:
    lab.suspect.wait_until_listening(_PORT)
    lab.suspect.nft(firewalls.redirect(WSS_PORT, _PORT))
    return inspector
