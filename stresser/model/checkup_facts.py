"""What one look at each way to each endpoint has seen: the facts of `stresser check`, as data."""

from enum import StrEnum

from msgspec import Struct

from stresser.model.chain import TlsFacts
from stresser.model.events import AttemptFailed, ChainSeen, ResolvedBy
from stresser.model.hello_tried import HelloTried, SegmentLimit
from stresser.model.proxy_chosen import ProxyChosen


class Asked(StrEnum):
    """What was asked for once TLS, or where there is none TCP, stood."""

    TLS = "tls"
    """Nothing: TLS alone."""
    TCP = "tcp"
    """Nothing: TCP alone. That somebody accepted proves no living endpoint."""
    UPGRADE = "upgrade"
    """A WebSocket (RFC 6455 section 4.1)."""
    GET = "get"
    """A page; only the head of the answer is read."""


class HttpAnswer(Struct, frozen=True, kw_only=True):
    """The head of an answer, as far as it tells who answered. Texts are a peer's, and cut."""

    status: int
    reason: str
    headers: dict[str, str] = {}


class Leads(Struct, frozen=True, kw_only=True):
    """Where this host's own routing sends what goes to the dialled address."""

    source: str | None = None
    """Our address there; None: the routing table has no way."""
    interface: str | None = None
    """None: not known (no netlink here)."""
    words: str | None = None
    """What the interface is: `tun, a tunnel, MTU 1400`."""
    is_tunnel: bool = False
    to_itself: bool = False
    """The dialled address is one of this host's own."""


class WayChecked(Struct, frozen=True, kw_only=True):
    """An endpoint through an egress, tried once; tried again where the first try asks for it."""

    endpoint: str
    egress: str
    host: str
    """Name or address of the endpoint, as it was named; empty for the lab's."""
    port: int
    sni: str | None = None
    """The name that the ClientHello carries; None: it carries none, an address is asked for."""
    asked: Asked
    carries_token: bool = False
    """The request holds an Authorization or a cookie."""
    is_own: bool = False
    """The lab's, or on loopback by its very name: nothing stands in between."""
    addresses: list[str] = []
    """What this host's resolver said, in its order; of one that was given, none."""
    dialled: str | None = None
    """`address:port` of the TCP connection: the endpoint's, or the proxy's."""
    local: str | None = None
    remote: str | None = None
    proxy: str | None = None
    """Scheme and address of the proxy that was dialled."""
    chosen: ProxyChosen | None = None
    """What a PAC file said, and which of its proxies was taken; None: none was asked."""
    unserved: list[AttemptFailed] = []
    """Tries through those of them that failed before: in the order of its `entries`."""
    proxy_headers: dict[str, str] = {}
    """Of its answer to CONNECT: those that tell who it is."""
    resolved_by: ResolvedBy | None = None
    phases_ns: dict[str, int] = {}
    """Duration of each step that was completed; `get` is the GET's."""
    again_ns: list[dict[str, int]] = []
    """The same of further tries that were made to be sure of the times."""
    tls: TlsFacts | None = None
    chain: ChainSeen | None = None
    http: HttpAnswer | None = None
    leads: Leads = Leads()
    failed: AttemptFailed | None = None
    """How the last try failed; None: it went through."""
    earlier: list[AttemptFailed] = []
    """Tries at other addresses that failed."""
    also_open: list[str] = []
    """Other addresses at which TLS stands, too: `address:port`."""
    hellos: list[HelloTried] = []
    """ClientHellos that differ in one thing each, at the last address that was dialled."""
    segments: list[SegmentLimit] = []
    """From which size on segments are lost, where hellos or their answers were for their size."""


class Checked(Struct, frozen=True, kw_only=True):
    """A whole check."""

    ways: list[WayChecked]
    has_route: bool
    """This host has a route to other networks."""
    bugs: int = 0
    """How often something went wrong inside stresser itself."""
