"""Owns VPN tunnels from the client to the suspect router: WireGuard, OpenVPN, ocserv.

The inner addresses are for benchmarks (RFC 2544). What a tunnel carries goes on from the router
to the servers; the way underneath is the suspect way itself.
"""

import os
from itertools import count
from pathlib import Path

import trustme

from tests.netlab.certificates import NAME
from tests.netlab.lab import Lab
from tests.netlab.namespaces import Namespace
from tests.netlab.processes import Process
from tests.netlab.topology import CLIENT, ROUTER, SERVER, SUSPECT, TO_SERVER
from tests.netlab.wait import until

CLIENT_INNER, ROUTER_INNER, INNER_NET = "198.18.0.2", "198.18.0.1", "198.18.0.0/24"
_UDP_PORT = 51820
_SERIAL = count()
# One socket for each interface, for the whole machine: names must differ between labs.
_WG_SOCKETS = Path("/var/run/wireguard")

_OPENVPN = """
dev {device}
dev-type tun
disable-dco
proto udp4
cert {cert}
key {key}
ca {ca}
ifconfig {here} {there}
reneg-sec 3
ping 1
persist-key
persist-tun
verb 3
"""
_OPENVPN_SERVER = """
tls-server
dh none
local {address}
port {port}
"""
_OPENVPN_CLIENT = """
tls-client
nobind
remote {address} {port}
"""

_TCP_PORT = 4443
_USER, _PASSWORD = "netlab", "netlab"
_OCSERV = f"""
auth = "plain[passwd={{folder}}/ocserv.passwd]"
tcp-port = {_TCP_PORT}
run-as-user = root
run-as-group = root
isolate-workers = false
socket-file = {{folder}}/ocserv.sock
use-occtl = false
server-cert = {{chain}}
server-key = {{key}}
max-clients = 4
device = vpns
ipv4-network = {INNER_NET.partition("/")[0]}
ipv4-netmask = 255.255.255.0
route = default
idle-timeout = {{idle}}
"""
_OPENCONNECT_SCRIPT = f"""
if [ "$reason" = connect ]; then
  ip addr add "$INTERNAL_IP4_ADDRESS/32" dev "$TUNDEV"
  ip link set "$TUNDEV" mtu "$INTERNAL_IP4_MTU" up
  ip route add {SERVER}/32 dev "$TUNDEV" metric 500
fi
"""


class _Tunnel:
    """Its two ends are interfaces."""

    device = "vpn"

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        lab.server.ip(f"route add {INNER_NET} via {_server_gateway(lab)}")

    def egresses(self) -> dict[str, str]:
        """`suspect` is the tunnel, `control` as ever."""
        return {SUSPECT: f'interface = "{self.device}"', "control": 'interface = "control"'}

    def _route(self) -> None:
        self.lab.client.ip(f"route add {SERVER}/32 dev {self.device} metric 500")


def _server_gateway(lab: Lab) -> str:
    """The suspect router's address towards the server."""
    shown = lab.suspect.run("ip", "-o", "-4", "addr", "show", "dev", TO_SERVER[SERVER])
    return shown.split()[3].partition("/")[0]


class WireGuard(_Tunnel):
    """wireguard-go at both ends (wg(8))."""

    def __init__(self, lab: Lab) -> None:
        super().__init__(lab)
        stem = f"wg{os.getpid()}{next(_SERIAL)}"
        self.device, self._gateway_device = f"{stem}c", f"{stem}r"
        self._keys = {end: _wireguard_keys(lab.client) for end in ("client", "gateway")}
        self.client_end = self._start(lab.client, self.device)
        self.gateway = self._start(lab.suspect, self._gateway_device)
        self._set_up(lab.client, self.device, CLIENT_INNER, ("client", "gateway"), "0.0.0.0/0")
        self._set_up_gateway()
        until(self._has_shaken_hands, "the tunnel's handshake")
        self._route()

    def _has_shaken_hands(self) -> bool:
        shown = self.lab.client.run("wg", "show", self.device, "latest-handshakes")
        return shown.split()[-1] != "0"

    def _start(self, namespace: Namespace, device: str) -> Process:
        process = namespace.start(
            f"wireguard-{device}", "wireguard-go", "-f", device,
            environment={"WG_PROCESS_FOREGROUND": "1", "LOG_LEVEL": "error"},
        )  # fmt: skip
        until(_WG_SOCKETS.joinpath(f"{device}.sock").exists, f"wireguard-go's socket of {device}")
        return process

    def _set_up_gateway(self) -> None:
        device, ends = self._gateway_device, ("gateway", "client")
        self._set_up(self.lab.suspect, device, ROUTER_INNER, ends, f"{CLIENT_INNER}/32")

    def _set_up(
        self, namespace: Namespace, device: str, inner: str, ends: tuple[str, str], allowed: str
    ) -> None:
        here, there = ends
        outer = (ROUTER if here == "client" else CLIENT)[SUSPECT]
        file = self.lab.folder / f"{device}.key"
        file.write_text(self._keys[here][0])
        namespace.run(
            "wg", "set", device, "listen-port", str(_UDP_PORT), "private-key", str(file),
            "peer", self._keys[there][1], "endpoint", f"{outer}:{_UDP_PORT}",
            "allowed-ips", allowed, "persistent-keepalive", "1",
        )  # fmt: skip
        namespace.ip(f"addr add {inner}/24 dev {device}", f"link set {device} mtu 1420 up")

    def kill_gateway(self) -> None:
        self.gateway.kill()
        _WG_SOCKETS.joinpath(f"{self._gateway_device}.sock").unlink(missing_ok=True)

    def restart_gateway(self) -> None:
        self.gateway = self._start(self.lab.suspect, self._gateway_device)
        self._set_up_gateway()

    def close(self) -> None:
        """Nothing of it stays in the machine's own directories."""
        for device, process in (
            (self.device, self.client_end), (self._gateway_device, self.gateway)
        ):  # fmt: skip
            process.stop()
            _WG_SOCKETS.joinpath(f"{device}.sock").unlink(missing_ok=True)


def _wireguard_keys(namespace: Namespace) -> tuple[str, str]:
    private = namespace.run("wg", "genkey").strip()
    return private, namespace.run("wg", "pubkey", text=private).strip()


class OpenVpn(_Tunnel):
    """openvpn(8) at both ends; new keys every 3 s."""

    def __init__(self, lab: Lab) -> None:
        super().__init__(lab)
        root = trustme.CA(organization_name="Netlab VPN")
        root.cert_pem.write_to_path(lab.folder / "vpn-ca.pem")
        address = ROUTER[SUSPECT]
        self.gateway = self._start(
            lab.suspect, "gateway", root, _OPENVPN_SERVER, address, (ROUTER_INNER, CLIENT_INNER)
        )
        self.client_end = self._start(
            lab.client, "client", root, _OPENVPN_CLIENT, address, (CLIENT_INNER, ROUTER_INNER)
        )
        self.client_end.wait_until_says("Initialization Sequence Completed")
        self._route()

    def _start(
        self,
        namespace: Namespace,
        end: str,
        root: trustme.CA,
        text: str,
        address: str,
        inner: tuple[str, str],
    ) -> Process:
        folder = self.lab.folder
        leaf = root.issue_cert(f"{end}.vpn.netlab.test", common_name=end)  # it insists on one
        leaf.cert_chain_pems[0].write_to_path(folder / f"vpn-{end}.pem")
        leaf.private_key_pem.write_to_path(folder / f"vpn-{end}.key")
        file = folder / f"vpn-{end}.conf"
        file.write_text(
            _OPENVPN.format(
                device=self.device, cert=folder / f"vpn-{end}.pem", key=folder / f"vpn-{end}.key",
                ca=folder / "vpn-ca.pem", here=inner[0], there=inner[1],
            ) + text.format(address=address, port=_UDP_PORT)
        )  # fmt: skip
        return namespace.start(f"openvpn-{end}", "openvpn", "--config", str(file))

    def rekeyed(self) -> int:
        """How many times new keys were agreed on."""
        return sum("TLS: soft reset" in line for line in self.client_end.said())


class Ocserv(_Tunnel):
    """ocserv(8), which ends a tunnel that carried nothing for `idle_s`; openconnect(8), which then
    goes as well, and its interface with it. Ocserv looks each 30 to 40 s (`worker-vpn.c`)."""

    def __init__(self, lab: Lab, idle_s: int) -> None:
        super().__init__(lab)
        folder, certificates = lab.folder, lab.certificates
        lab.suspect.run(
            "ocpasswd", "-c", str(folder / "ocserv.passwd"), _USER, text=f"{_PASSWORD}\n" * 2
        )
        file, script = folder / "ocserv.conf", folder / "openconnect.script"
        file.write_text(
            _OCSERV.format(folder=folder, chain=certificates.chain, key=certificates.key,
                           idle=idle_s)
        )  # fmt: skip
        script.write_text(_OPENCONNECT_SCRIPT)
        self.gateway = lab.suspect.start("ocserv", "ocserv", "-f", "-d", "2", "-c", str(file))
        lab.suspect.wait_until_listening(_TCP_PORT)
        self.client_end = lab.client.start(
            "openconnect", "openconnect", "--non-inter", "--passwd-on-stdin", "--user", _USER,
            "--interface", self.device, "--script", f"sh {script}", "--no-dtls",
            "--cafile", str(certificates.root),
            "--resolve", f"{NAME}:{ROUTER[SUSPECT]}", f"https://{NAME}:{_TCP_PORT}",
        )  # fmt: skip
        self.client_end.order(_PASSWORD)
        until(lambda: f"dev {self.device}" in lab.client.run("ip", "route"), "the tunnel's route")

    @property
    def has_timed_out(self) -> bool:
        """The gateway says that nothing passed for too long."""
        return any("idle timeout reached" in line for line in self.gateway.said())
