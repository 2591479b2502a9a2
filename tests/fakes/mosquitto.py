"""Mosquitto, a real MQTT broker: bare TLS and WebSocket over TLS, and a login that it wants."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.fakes.certificates import SERVER_NAME, authority
from tests.fakes.daemons import free_ports
from tests.fakes.tools import tool
from tests.netlab.wait import until

USER, PASSWORD = "ann", "c0rrect-h0rse"


class Mosquitto(NamedTuple):
    tls: int
    """Port of bare TLS."""
    wss: int
    """Port of WebSockets over TLS."""
    tcp: int
    """Port without TLS."""
    root: Path
    """PEM of the root that its certificate leads to."""
    process: "subprocess.Popen[bytes]"


def settings(folder: Path, address: str, ports: tuple[int, int, int], tls: str) -> str:
    """A configuration; `tls` are the lines that name certificate and key."""
    tcp, bare, web = ports
    return (
        "user root\nlog_dest stderr\nlog_type all\npersistence false\n"
        f"listener {tcp} {address}\n"
        f"listener {bare} {address}\n{tls}\n"
        f"listener {web} {address}\nprotocol websockets\n{tls}\n"
        + (
            f"allow_anonymous false\npassword_file {folder}/users\n"
            if (folder / "users").exists()
            else "allow_anonymous true\n"
        )
    )


@contextmanager
def mosquitto(folder: Path) -> Iterator[Mosquitto]:
    """Serves on 127.0.0.1 while the block runs."""
    program, hasher = tool("mosquitto"), tool("mosquitto_passwd")
    ports = (*free_ports(3),)
    certificate = authority().issue_cert(SERVER_NAME, "127.0.0.1")
    certificate.private_key_pem.write_to_path(str(folder / "key.pem"))
    for pem in certificate.cert_chain_pems:
        pem.write_to_path(str(folder / "chain.pem"), append=True)
    authority().cert_pem.write_to_path(str(folder / "root.pem"))
    subprocess.run([hasher, "-b", "-c", folder / "users", USER, PASSWORD], check=True)
    tls = f"certfile {folder}/chain.pem\nkeyfile {folder}/key.pem"
    config = folder / "mosquitto.conf"
    config.write_text(settings(folder, "127.0.0.1", (ports[0], ports[1], ports[2]), tls))
    log = folder / "mosquitto.log"
    with log.open("wb") as said:
        process = subprocess.Popen([program, "-c", str(config)], stderr=said)
    try:
        until(lambda: b" running" in log.read_bytes(), "mosquitto is running", 20)
        yield Mosquitto(ports[1], ports[2], ports[0], folder / "root.pem", process)
    finally:
        process.terminate()
        process.wait(10)
