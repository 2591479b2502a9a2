"""Owns boxes that open TLS in transit, with a root that an administrator installed on the host."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.fakes.tools import tool
from tests.netlab import firewalls, squids
from tests.netlab.lab import Lab
from tests.netlab.processes import Process
from tests.netlab.tester import TOP, WSS_PORT


@contextmanager
def squid(lab: Lab) -> Iterator[Process]:
    """Squid with ssl_bump; idle connections are closed after `squids.IDLE_TIMEOUT_S`."""
    with squids.squid(lab, bumps=True) as process:
        lab.suspect.nft(firewalls.redirect(WSS_PORT, squids.INTERCEPTING_PORT))
        yield process


def start_mitmproxy(lab: Lab, mitmdump: str) -> Process:
    folder = lab.folder / "mitmproxy"
    folder.mkdir()
    folder.joinpath("mitmproxy-ca.pem").write_bytes(lab.certificates.inspector.read_bytes())
    process = lab.suspect.start(
        "mitmproxy", mitmdump, "--mode", f"transparent@{squids.INTERCEPTING_PORT}", "--quiet",
        "--set", f"confdir={folder}",
        "--set", f"ssl_verify_upstream_trusted_ca={lab.certificates.root}",
    )  # fmt: skip
    lab.suspect.wait_until_listening(squids.INTERCEPTING_PORT)
    lab.suspect.nft(firewalls.redirect(WSS_PORT, squids.INTERCEPTING_PORT))
    return process


def mitmdump() -> str:
    """Its command, from the environment that `make netlab` makes for it, or from PATH."""
    own = TOP / ".venv-mitmproxy" / "bin" / "mitmdump"
    return str(own) if own.exists() else tool("mitmdump")


def trusting_host(lab: Lab) -> dict[str, str]:
    """An administrator has installed the inspector's root."""
    return {"SSL_CERT_FILE": str(lab.certificates.bundle)}
