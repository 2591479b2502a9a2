"""A realm of its own on loopback, by MIT Kerberos: a KDC, users, services, tickets."""

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.fakes.tools import missing, tool

REALM = "STRESSER.TEST"
SERVICE = "HTTP/localhost"
_PATIENCE_S = 20.0


class Realm:
    """One KDC, while it runs. `environment` makes programs use it."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.port = port
        self.environment = {
            "KRB5_CONFIG": str(folder / "krb5.conf"),
            "KRB5_KDC_PROFILE": str(folder / "kdc.conf"),
            "KRB5CCNAME": f"FILE:{folder}/tickets",
        }
        self.set_kdc(port)
        (folder / "kdc.conf").write_text(
            f"[realms]\n{REALM} = {{\n database_name = {folder}/principal\n"
            f" key_stash_file = {folder}/stash\n acl_file = {folder}/acl\n"
            f" kdc_listen = 127.0.0.1:{port}\n kdc_tcp_listen = 127.0.0.1:{port}\n}}\n"
            f"[logging]\n kdc = FILE:{folder}/kdc.log\n"
        )

    def set_kdc(self, port: int) -> None:
        """Where programs look for it from now on."""
        (self.folder / "krb5.conf").write_text(
            f"[libdefaults]\n default_realm = {REALM}\n dns_lookup_kdc = false\n"
            " dns_canonicalize_hostname = false\n rdns = false\n kdc_timesync = 0\n"
            f"[realms]\n{REALM} = {{\n kdc = 127.0.0.1:{port}\n}}\n"
        )

    def do(self, program: str, *words: str, typed: str = "") -> None:
        """Run one of MIT's programs. Raises AssertionError where it fails."""
        done = subprocess.run(
            [tool(program), *words],
            env=os.environ | self.environment, input=typed, text=True, capture_output=True,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{program} {words}: {done.stderr or done.stdout}"

    def admin(self, command: str) -> None:
        """As an administrator of the realm."""
        self.do("kadmin.local", "-r", REALM, "-q", command)

    def log_in(self, user: str, password: str, *options: str) -> None:
        """A ticket for a user, as a person gets it."""
        self.do("kinit", *options, user, typed=f"{password}\n")

    def asked_for(self, service: str) -> int:
        """How often the KDC was asked for a ticket for a service."""
        log = (self.folder / "kdc.log").read_text()
        return sum("TGS_REQ" in line and service in line for line in log.splitlines())


@contextmanager
def realm(port: int, users: dict[str, str], ahead: str = "") -> Iterator[Realm]:
    """A KDC that knows these users with their passwords, and `SERVICE`, whose keytab is `keytab`.

    `ahead`: how far its clock is before this host's, as faketime takes it.
    """
    kdc = [tool("krb5kdc"), "-n", "-r", REALM]
    clock = _other_clock(ahead) if ahead else {}
    with tempfile.TemporaryDirectory(prefix="stresser-kdc-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        made = Realm(folder, port)
        made.do("kdb5_util", "create", "-s", "-r", REALM, "-P", "the master's")
        for user, password in users.items():
            made.admin(f'addprinc -pw "{password}" {user}')
        made.admin(f"addprinc -randkey {SERVICE}")
        made.admin(f"ktadd -k {folder}/keytab {SERVICE}")
        (folder / "keytab").chmod(0o644)
        with subprocess.Popen(
            kdc,
            env=os.environ | made.environment | clock,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        ) as process:  # fmt: skip
            try:
                _wait_for(folder / "kdc.log", process)
                yield made
            finally:
                process.terminate()


def _other_clock(ahead: str) -> dict[str, str]:
    """By faketime's library alone: its program would stay beside, and leave the KDC behind."""
    tool("faketime")
    found = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
    if found is None:
        missing("faketime has no library where Debian has it")
    return {"LD_PRELOAD": str(found), "FAKETIME": ahead}


def _wait_for(log: Path, process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + _PATIENCE_S
    while process.poll() is None and time.monotonic() < until:
        if log.exists() and "commencing operation" in log.read_text():
            return
        time.sleep(0.02)
    raise AssertionError(log.read_text() if log.exists() else "the KDC does not start")
