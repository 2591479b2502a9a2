"""The way through a proxy, from a connected socket to a tunnel, however the proxy is spoken to."""

from msgspec import Struct
from msgspec.structs import force_setattr

from stresser.model.faults import PeerFin
from stresser.net import http_connect, socks
from stresser.net.login_talk import LoginMemory, LoginTalk
from stresser.net.proxy_tls import ProxyTls
from stresser.net.tap import Tap
from stresser.net.tls import Carrier, TlsProfile, TlsStream, context_for
from stresser.scenario.endpoint import authority_of
from stresser.scenario.proxy_url import Proxy, ProxyScheme

_NO_MEMORY = LoginMemory(Proxy(scheme=ProxyScheme.HTTP, host="", port=0))


class ProxyHop(Struct, frozen=True, kw_only=True):
    """A proxy, ready to use."""

    proxy: Proxy
    user_agent: str
    """Of the CONNECT request."""
    tls: TlsProfile | None = None
    """Of the connection with the proxy itself, where its scheme is https."""
    login: LoginMemory = _NO_MEMORY
    """What is known of the login with it, where several routes share that."""

    def __post_init__(self) -> None:
        if self.login is _NO_MEMORY:
            force_setattr(self, "login", LoginMemory(self.proxy))

    def talk(self, host: str, port: int) -> LoginTalk:
        """What one attempt says of who we are, over however many connections."""
        return self.login.talk(authority_of(host, port))


class Tunnel(Struct, frozen=True, kw_only=True):
    """What the endpoint's TLS runs over."""

    carrier: Carrier
    early: bytes
    """What came together with the proxy's last word: already of the tunnel."""
    headers: dict[str, str] = {}
    """Of its answer to CONNECT: those that tell who it is, and through whom."""


async def shake_hands_with(hop: ProxyHop, tap: Tap) -> "ProxyTls | Bare":
    """TLS with the proxy, where it is spoken to through TLS.

    Raises:
        Fault, trio.BrokenResourceError: as `ProxyTls.handshake`.
    """
    if hop.tls is None:
        return Bare(tap)
    channel = ProxyTls(TlsStream(tap, context_for(hop.tls), hop.proxy.host))
    await channel.handshake()
    return channel


async def open_tunnel(
    hop: ProxyHop, channel: "ProxyTls | Bare", host: str, port: int, talk: LoginTalk
) -> Tunnel:
    """Ask the proxy for a tunnel to a name or address. `talk`: as `ProxyHop.talk`.

    Raises:
        AnotherConnection: ask again, with the same `talk`, over a new connection.
        ProxyRefused: it said no.
        ProtocolViolation, PeerFin, ProxyAlert, trio.BrokenResourceError: what it did instead.
    """
    proxy = hop.proxy
    if isinstance(channel, Bare) and proxy.scheme in _SOCKS:
        credentials = None
        if proxy.user is not None and proxy.password is not None:
            credentials = proxy.user, proxy.password
        await socks.connect_through_socks(channel, host, port, credentials)
        return Tunnel(carrier=channel.carrier, early=b"")
    talk.certificate = channel.certificate
    said = await http_connect.connect_through_http(channel, host, port, hop.user_agent, talk)
    return Tunnel(carrier=channel.carrier, early=said.behind, headers=said.headers)


_SOCKS = frozenset({ProxyScheme.SOCKS5, ProxyScheme.SOCKS5H})


class Bare:
    """A socket for a talk with the proxy, read no further than its answers."""

    __slots__ = ("_tap",)

    def __init__(self, tap: Tap) -> None:
        self._tap = tap

    @property
    def carrier(self) -> Carrier:
        """What a tunnel's bytes go through from now on."""
        return self._tap

    def certificate(self) -> None:
        """The proxy has shown none."""

    async def send_all(self, data: bytes) -> None:
        """Send everything. A dead transport is left to the reader."""
        rest = memoryview(data)
        while rest := rest[self._tap.send_nowait(rest) :]:
            await self._tap.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """The next bytes.

        Raises:
            PeerFin: the proxy hung up.
            trio.BrokenResourceError: from the OSError of the transport.
        """
        data = await self._tap.receive_some(max_bytes)
        if not data:
            raise PeerFin("the proxy hung up")
        return data
