"""Which interfaces are tunnels, and by what sign."""

import pytest

from stresser.witness.netlink import Link
from stresser.witness.tunnel import TunnelSign, link_words, tunnel_sign


def made(name="x0", kind=None, arp_type=1):
    return Link(4, name, kind, arp_type, 0x43, 1400)


@pytest.mark.parametrize(
    ("link", "sign"),
    [
        (made("tun0", "tun", 0xFFFE), TunnelSign.KIND),
        (made("tap0", "tun", 1), TunnelSign.KIND),
        (made("corp", "wireguard", 0xFFFE), TunnelSign.KIND),
        (made("corp", "ppp", 512), TunnelSign.KIND),
        (made("ipsec0", "xfrm", 0xFFFE), TunnelSign.KIND),
        (made("cscotun0", None, 0xFFFE), TunnelSign.HARDWARE),
        (made("x", "a-new-kind", 0xFFFE), TunnelSign.HARDWARE),
        (made("ppp0", None, 512), TunnelSign.HARDWARE),
        (made("gpd0", None, 1), TunnelSign.NAME),
        (made("VPN-Corp", None, 1), None),
        (made("vpn1", None, 1), TunnelSign.NAME),
        (made("eth0"), None),
        (made("enp0s3"), None),
        (made("tunnel0", "veth"), None),
        (made("wg0", "bridge"), None),
        (made("flannel.1", "vxlan"), None),
        (made("lo", None, 772), None),
        (made("", None), None),
    ],
)
def test_signs(link, sign):
    assert tunnel_sign(link) is sign


@pytest.mark.parametrize(
    ("link", "words"),
    [
        (made("tun0", "tun", 0xFFFE), "tun, a tunnel, MTU 1400"),
        (made("gpd0"), "Ethernet, a tunnel by its name, MTU 1400"),
        (made("x", None, 512), "type 512, a tunnel by its hardware type, MTU 1400"),
        (made("eth0"), "Ethernet, MTU 1400"),
    ],
)
def test_words(link, words):
    assert link_words(link) == words
