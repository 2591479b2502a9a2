"""Real proxies on 127.0.0.1, each from a configuration in a folder of the test's own."""

import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

from tests.fakes.certificates import SERVER_NAME, authority
from tests.fakes.kerberos import REALM as REALM_NAME
from tests.fakes.kerberos import SERVICE, Realm
from tests.fakes.squid_service import squid_service
from tests.fakes.tools import root, tool

USER, PASSWORD = "ann", "hunter-2"
_PATIENCE_S = 20.0
_HELPERS = "/usr/lib/squid"
_NTLM_HELPER = Path(__file__).with_name("ntlm_helper.py")
REALM = "the realm, with a comma"


class Squid(NamedTuple):
    http: int
    """Port without TLS."""
    https: int
    """Port with TLS; its certificate is for `SERVER_NAME` and 127.0.0.1."""


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on just now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports: list[int] = [sock.getsockname()[1] for sock in sockets]
    for sock in sockets:
        sock.close()
    return ports


def basic_login(folder: Path) -> str:
    """Squid's own helper for Basic, which knows `USER`."""
    (folder / "users").write_text(f"{USER}:{_hash('-apr1')}\n")
    return f"auth_param basic program {_HELPERS}/basic_ncsa_auth {folder}/users\n" + _CHILD.format(
        "basic"
    )


def digest_login(folder: Path) -> str:
    """Squid's own helper for Digest."""
    secret = hashlib.md5(f"{USER}:{REALM}:{PASSWORD}".encode()).hexdigest()  # noqa: S324 - RFC 7616
    (folder / "digests").write_text(f"{USER}:{REALM}:{secret}\n")
    return (
        f"auth_param digest program {_HELPERS}/digest_file_auth -c {folder}/digests\n"
        f"auth_param digest realm {REALM}\n" + _CHILD.format("digest")
    )


def fake_ntlm_login(_folder: Path) -> str:
    """Squid's own helper for NTLM: it checks how it is spoken to, and no password."""
    return f"auth_param ntlm program {_HELPERS}/ntlm_fake_auth\nauth_param ntlm children 10\n"


def kerberos_login(realm: Realm, _folder: Path) -> str:
    """Squid's own helper for Kerberos, with the keytab of a realm."""
    program = (
        f"/usr/bin/env KRB5_CONFIG={realm.environment['KRB5_CONFIG']}"
        f" {_HELPERS}/negotiate_kerberos_auth -k {realm.folder}/keytab -s {SERVICE}@{REALM_NAME}"
    )
    return (
        f"auth_param negotiate program {program}\n"
        "auth_param negotiate children 5 startup=1 idle=1\n"
    )


@contextmanager
def ntlm_checker() -> Iterator[Callable[[Path], str]]:
    """Gives a login by NTLM that checks the password: pyspnego's other end."""
    with tempfile.TemporaryDirectory(prefix="stresser-ntlm-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "users").write_text(f"DOMAIN:{USER}:{PASSWORD}\n")
        path = str(folder / "socket")
        command = [sys.executable, str(_NTLM_HELPER), "serve", path, str(folder / "users")]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                assert process.stdout.readline() == "serving\n"
                yield partial(_checked_ntlm, path)
            finally:
                process.terminate()


def _checked_ntlm(path: str, folder: Path) -> str:
    shutil.copy(_NTLM_HELPER, folder / "ntlm_helper.py")
    program = f"/usr/bin/python3 {folder}/ntlm_helper.py relay {path}"
    return f"auth_param ntlm program {program}\nauth_param ntlm children 5 startup=1 idle=1\n"


_CHILD = "auth_param {} children 1\n"


@contextmanager
def squid(*logins: Callable[[Path], str], more: str = "") -> Iterator[Squid]:
    """Squid that asks for a login, by default Basic's, and lets nobody through to port 1.

    `logins`: each writes its files into a folder and gives its lines of squid.conf.
    """
    # In a folder that squid's own user can get to: pytest's are root's alone.
    with tempfile.TemporaryDirectory(prefix="stresser-squid-") as folder:
        lines = [login(Path(folder)) for login in logins or (basic_login,)]
        yield from _squid(Path(folder), "".join([*lines, more]))


def _squid(folder: Path, auth: str) -> Iterator[Squid]:
    program = tool("squid")
    ports = Squid(*free_ports(2))
    certificate = authority().issue_cert(SERVER_NAME, "127.0.0.1")
    certificate.private_key_and_cert_chain_pem.write_to_path(str(folder / "squid.pem"))
    (folder / "squid.conf").write_text(
        f"""{auth}
        http_port 127.0.0.1:{ports.http}
        https_port 127.0.0.1:{ports.https} tls-cert={folder}/squid.pem
        acl known proxy_auth REQUIRED
        acl closed port 1
        http_access deny closed
        http_access allow known
        http_access deny all
        cache deny all
        access_log none
        cache_log {folder}/cache.log
        cache_store_log none
        pid_filename none
        netdb_filename none
        pinger_enable off
        coredump_dir {folder}
        shutdown_lifetime 0 seconds
        """
    )
    if os.geteuid() == 0:  # it goes on as its own user
        for path in (folder, *folder.iterdir()):
            shutil.chown(path, "proxy")
    with squid_service() as name:
        command = [program, "-N", "-n", name, "-f", str(folder / "squid.conf")]
        with _running(command, ports, folder / "cache.log"):
            yield ports


@contextmanager
def danted(folder: Path, *, login: bool) -> Iterator[int]:
    """Dante, a SOCKS server. With `login` it asks its users for the system's password.

    So that the system's own is left alone, it sees a file of ours in the place of /etc/shadow
    and /etc/passwd, in a mount namespace that goes when it goes (mount_namespaces(7)).
    """
    program, unshare = tool("danted"), tool("unshare")
    root()
    (port,) = free_ports(1)
    shadow, passwd = folder / "shadow", folder / "passwd"
    shadow.write_text(f"{USER}:{_hash('-6')}:19000:0:99999:7:::\n")
    passwd.write_text(
        Path("/etc/passwd").read_text() + f"{USER}:x:64999:64999::/nonexistent:/bin/false\n"
    )
    method = "username" if login else "none"
    (folder / "danted.conf").write_text(
        f"""
        logoutput: {folder}/danted.log
        internal: 127.0.0.1 port = {port}
        external: lo
        clientmethod: none
        socksmethod: {method}
        user.privileged: root
        user.unprivileged: nobody
        client pass {{ from: 127.0.0.0/8 to: 0.0.0.0/0 }}
        socks block {{ from: 127.0.0.0/8 to: 0.0.0.0/0 port = 1 }}
        socks pass {{ from: 127.0.0.0/8 to: 0.0.0.0/0 }}
        """
    )
    script = (
        f"mount --bind {shadow} /etc/shadow && mount --bind {passwd} /etc/passwd"
        f" && exec {program} -f {folder}/danted.conf -p {folder}/danted.pid"
    )
    with _running([unshare, "-m", "sh", "-c", script], [port], folder / "danted.log"):
        yield port


def _hash(kind: str) -> str:
    done = subprocess.run(
        [tool("openssl"), "passwd", kind, PASSWORD], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@contextmanager
def _running(command: list[str], ports: "tuple[int, ...] | list[int]", log: Path) -> Iterator[None]:
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
    )
    try:
        for port in ports:
            _wait_for(process, port, log)
        yield
    finally:
        process.terminate()  # squid takes its shared memory away
        with suppress(subprocess.TimeoutExpired):
            process.wait(_PATIENCE_S)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # it, and whom it started
        process.wait()
        assert process.stderr is not None
        process.stderr.close()


def _wait_for(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    until = time.monotonic() + _PATIENCE_S
    while process.poll() is None and time.monotonic() < until:
        with suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    told = log.read_text(errors="replace")[-2000:] if log.exists() else "(no log)"
    raise AssertionError(f"{process.args!r} does not listen on {port}: {told}")


@contextmanager
def tinyproxy(folder: Path, port: int | None = None) -> Iterator[int]:
    """Tinyproxy that lets everybody through to anywhere. `port`: where; None: a free one."""
    taken = free_ports(1)[0] if port is None else port
    config = folder / f"tinyproxy-{taken}.conf"
    config.write_text(
        f"Port {taken}\nListen 127.0.0.1\nTimeout 600\nMaxClients 100\nLogLevel Critical\n"
        f'LogFile "{folder}/tinyproxy-{taken}.log"\n'
    )
    command = [tool("tinyproxy"), "-d", "-c", str(config)]
    with _running(command, [taken], folder / f"tinyproxy-{taken}.log"):
        yield taken
