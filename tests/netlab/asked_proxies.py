"""Owns proxies in the suspect router that the scenario names: they connect when they are asked."""

import sys
from pathlib import Path

from tests.netlab import squids
from tests.netlab.lab import Lab
from tests.netlab.processes import Process
from tests.netlab.topology import CONTROL, ROUTER, SUSPECT, TO_CLIENT, TO_SERVER

IDLE_TIMEOUT_S = 3
PORT = squids.ASKED_PORT
_WANTS_LOGIN = Path(__file__).with_name("login_proxy.py")

_TINYPROXY = f"""
Port {{port}}
Listen {ROUTER[SUSPECT]}
Timeout {{idle}}
MaxClients 300
LogLevel Info
Allow 198.51.100.0/24
"""
_DANTE = f"""
logoutput: stderr
internal: {TO_CLIENT} port = {PORT}
external: {{outside}}
clientmethod: none
socksmethod: none
user.privileged: root
user.unprivileged: nobody
client pass {{{{ from: 0.0.0.0/0 to: 0.0.0.0/0 }}}}
socks pass {{{{ from: 0.0.0.0/0 to: 0.0.0.0/0 }}}}
"""


def egresses(scheme: str = "http", port: int = PORT) -> dict[str, str]:
    """Through the proxy, and past it."""
    proxy = f'proxy = "{scheme}://{ROUTER[SUSPECT]}:{port}"'
    return {
        SUSPECT: f'interface = "{SUSPECT}"\n{proxy}',
        CONTROL: f'interface = "{CONTROL}"',
    }


def start_tinyproxy(
    lab: Lab, idle_s: int = IDLE_TIMEOUT_S, *, only_port: int | None = None, port: int = PORT
) -> Process:
    """With `only_port`, it refuses to connect to any other."""
    file = lab.folder / "tinyproxy.conf"
    allowed = "" if only_port is None else f"ConnectPort {only_port}\n"
    file.write_text(_TINYPROXY.format(idle=idle_s, port=port) + allowed)
    process = lab.suspect.start("tinyproxy", "tinyproxy", "-d", "-c", str(file))
    return _started(lab, process, port)


def start_dante(lab: Lab) -> Process:
    """A SOCKS server."""
    file = lab.folder / "danted.conf"
    outside = "\nexternal: ".join(TO_SERVER.values())
    file.write_text(_DANTE.format(outside=outside))
    command = ("danted", "-f", str(file), "-p", str(lab.folder / "danted.pid"))
    return _started(lab, lab.suspect.start("danted", *command))


def start_login_proxy(lab: Lab, *schemes: str) -> Process:
    """It wants a login that only Windows domains have."""
    how = (ROUTER[SUSPECT], str(PORT), *(schemes or ("Negotiate", "NTLM")))
    return _started(lab, lab.suspect.start("login", sys.executable, str(_WANTS_LOGIN), *how))


def _started(lab: Lab, proxy: Process, port: int = PORT) -> Process:
    lab.suspect.wait_until_listening(port)
    return proxy
