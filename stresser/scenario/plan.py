"""The plan of a run: what a scenario file says, as data.

Decoding, with all its mistakes listed, is in `decode.py`.
"""

from enum import StrEnum
from typing import Any, Literal

from msgspec import Struct, field

from stresser.model.client_hello import HelloKind
from stresser.model.proxy_login import ProxyAuth
from stresser.model.units import NS_PER_S, Duration, Size
from stresser.scenario.lab_table import Middlebox


def _seconds(value: float) -> Duration:
    return Duration(value * NS_PER_S)


class _Table(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One table of the file; unknown keys are mistakes."""


class Reconnect(_Table, frozen=True, kw_only=True):
    """Exponential back-off: `initial`, doubled after each failure up to `max`."""

    initial: Duration = _seconds(1)
    max: Duration = _seconds(60)
    jitter: float = 0.5
    """Each wait is drawn evenly from `wait * (1 - jitter)` to `wait * (1 + jitter)`. 0 to 1."""


class Sessions(_Table, frozen=True, kw_only=True):
    """How many, how fast."""

    count: int = 1
    """For each endpoint, egress and activity."""
    ramp: Duration = _seconds(0)
    """First attempts are spread evenly over this, shuffled across cohorts."""
    reconnect: Reconnect | Literal[False] = Reconnect()
    attempts_per_second: float = 200.0
    """Cap over all endpoints."""
    attempts_per_second_per_endpoint: float = 50.0
    handshakes_in_flight: int = 64
    """For each endpoint and egress: behind a dead one, others need not wait."""
    max_per_endpoint: int = 1000
    """Most sessions on one endpoint, all egresses and activities together. The lab's endpoints
    and those on loopback may have more."""
    workers: int | Literal["auto"] = 1
    """Processes that hold the sessions, each a part of every cohort; `auto`: one for each CPU that
    this process may use, and for each 1,000 sessions at the most."""


class Timeouts(_Table, frozen=True, kw_only=True):
    """Deadline of each phase."""

    before: Duration = _seconds(10)
    """Of the whole request before a session, where an endpoint has one."""
    resolve: Duration = _seconds(5)
    connect: Duration = _seconds(10)
    proxy: Duration = _seconds(10)
    tls: Duration = _seconds(10)
    upgrade: Duration = _seconds(10)
    close: Duration = _seconds(5)


class ActivityKind(StrEnum):
    """What a session does while it is held."""

    HEARTBEAT = "heartbeat"
    SILENT = "silent"
    KEEPALIVE = "keepalive"
    """TCP keepalive probes alone (tcp(7)): some boxes answer them themselves."""
    MESSAGES = "messages"
    """Messages of the application as a heartbeat: the answer is the pong."""
    MQTT = "mqtt"
    """MQTT's PINGREQ as a heartbeat, to a broker."""
    IDLE_SEARCH = "idle_search"
    """Silent for different times, then asked once: the search for an idle limit."""


BEATING = frozenset({ActivityKind.HEARTBEAT, ActivityKind.MESSAGES, ActivityKind.MQTT})
"""They send something again and again, and await its answer."""


class DataDirection(StrEnum):
    """Where the bytes of sized messages go."""

    UP = "up"
    DOWN = "down"
    BOTH = "both"


class Activity(_Table, frozen=True, kw_only=True):
    """What the sessions of a cohort do while they are held."""

    kind: ActivityKind = ActivityKind.HEARTBEAT
    name: str = ""
    """Default: the kind."""
    every: Duration = _seconds(15)
    """A ping is due each `every` after the opening, on an absolute schedule; of keepalive, a
    probe after so long without a segment."""
    timeout: Duration = _seconds(10)
    """A ping without its pong for this long ends the session; of keepalive, probes without an
    answer."""
    message: Size | None = None
    """Send a binary message of this size before each ping: a path that lets small packets pass
    and loses big ones shows. Only for endpoints that take such messages."""
    text: str | None = None
    """Of `messages`: what is said each time, as text; `${number}` is the message's number."""
    json: Any = None
    """Of `messages`: the same, written as JSON."""
    binary: str | None = None
    """Of `messages`: the same as a binary message, in hexadecimal digits."""
    size: Size | None = None
    """Of `messages`: one of so many bytes, made up; 20 at least."""
    direction: DataDirection = DataDirection.BOTH
    """Of `size`: who sends so much, this end (`up`), the endpoint (`down`) or both. All but `both`
    only to the lab's echo and a reflector."""
    expect: str | None = None
    """Of `messages`: what must stand in the answer, or with `pointer` be the value there. Empty:
    the next message is the answer. Neither of the two: the same message comes back."""
    pointer: str | None = None
    """Of `messages`: a JSON pointer (RFC 6901) to a value of the answer."""
    up_to: Duration = _seconds(7200)
    """Of `idle_search`: the longest silence that is tried."""
    together: bool = False
    """Of `idle_search`: then all sessions of an egress are silent at once, for as long again: a
    gateway may end a tunnel through which nothing passes at all."""
    prove: Duration | None = None
    """Of silent sessions: some are closed at this age, then at twice the age up to 16 times, and
    replaced: the close proves whether they lived. The others stay silent to the end."""
    prove_share: float = 0.2
    """How many of a cohort's sessions are those, rounded, one at least. Above 0, at most 1."""


class Verify(StrEnum):
    """What a chain that does not verify leads to."""

    REPORT = "report"
    REQUIRE = "require"


class Scheme(StrEnum):
    """What is spoken above TCP."""

    WSS = "wss"
    TLS = "tls"
    WS = "ws"
    """WebSocket over TCP alone."""
    TCP = "tcp"
    """TCP alone, with nothing sent."""

    @property
    def has_tls(self) -> bool:
        """What is held is inside TLS."""
        return self in {Scheme.WSS, Scheme.TLS}

    @property
    def is_websocket(self) -> bool:
        """It begins with an upgrade request."""
        return self in {Scheme.WSS, Scheme.WS}


class Reflector(_Table, frozen=True, kw_only=True):
    """The endpoint is a `stresser reflect`: its sessions name themselves to it."""

    token: str
    """`env:NAME`: taken from the environment, never recorded."""


class FirstMessage(_Table, frozen=True, kw_only=True):
    """A message after the upgrade, and what must come back.

    At most one of `text`, `json`, `binary`; none of them: the endpoint begins.
    """

    text: str | None = None
    """A text message. `${env:NAME}` is taken from the environment and never recorded."""
    json: Any = None
    """A text message, written as JSON; `${env:NAME}` may stand in its texts."""
    binary: str | None = None
    """A binary message, in hexadecimal digits."""
    expect: str | None = None
    """What must stand in a message that comes back; with `pointer`, be the value there. Empty:
    any message will do. Neither of the two: none is awaited."""
    pointer: str | None = None
    """A JSON pointer (RFC 6901): a message that has a value there must come back."""
    within: Duration = _seconds(10)
    """By when. What came until then and was something else is the refusal."""


class Before(_Table, frozen=True, kw_only=True):
    """An HTTPS request through the same egress, before each session: it yields a token or a URL.

    One of `get` and `post`.
    """

    get: str | None = None
    """`https://host[:port]/path`, or `/path` at the endpoint's own host and port."""
    post: str | None = None
    """The same, sent with `body`."""
    headers: dict[str, str] = {}
    """`env:NAME` takes the value from the environment; such values are never recorded."""
    body: str = ""
    """`${env:NAME}` is taken from the environment and never recorded."""
    take: dict[str, str]
    """By name: a JSON pointer to a value of the answer, or the name of one of its headers. It is
    put in for `${NAME}` in the endpoint's path, query, headers and `open`; `url` is where the
    session connects. Never recorded."""


class Broker(_Table, frozen=True, kw_only=True):
    """The endpoint is an MQTT broker: how sessions of the kind `mqtt` log in."""

    version: Literal["3.1.1", "5"] = "3.1.1"
    user: str | None = None
    """`env:NAME`: taken from the environment, never recorded."""
    password: str | None = None
    """`env:NAME`, likewise."""
    client_id: str = "stresser"
    """Each session's is this and twelve characters of its own."""
    keep_alive: Duration | None = None
    """What CONNECT promises: a broker gives up who is silent for one and a half times as long.
    Rounded up to seconds; default: `every` and `timeout` of the activity together. `0s`: it does
    not look."""


class Endpoint(_Table, frozen=True, kw_only=True):
    """What sessions connect to."""

    name: str
    url: str
    """`wss://host[:port]/path`, `tls://host[:port]`, `lab+wss://behaviour[/argument]`; the same
    without TLS: `ws://host[:port]/path`, `tcp://host:port`."""
    ca: str | None = None
    """PEM file with roots that are trusted besides the system's; relative to the scenario file."""
    verify: Verify = Verify.REPORT
    sni: str | None = None
    """Server name to send and to verify, when it is not the URL's host."""
    address: str | None = None
    """IP address to dial instead of looking the URL's host up; the name stays SNI and Host.
    Through a proxy it is what the proxy is asked to connect to."""
    headers: dict[str, str] = {}
    """`env:NAME` takes the value from the environment; such values are never recorded."""
    subprotocols: list[str] = []
    alpn: list[str] = []
    tls_version: Literal["1.2", "1.3"] | None = None
    """Offer this version alone; omitted: what OpenSSL offers, 1.2 at least."""
    hello: HelloKind | None = None
    """Key shares of the ClientHello: `classic`, or `hybrid` with ML-KEM; omitted: what Python's
    OpenSSL offers."""
    family: Literal["ipv4", "ipv6"] | None = None
    """Dial the name's addresses of this family alone."""
    before: Before | None = None
    """What is asked by HTTPS before each session."""
    open: list[FirstMessage] = []
    """What is said first, once the upgrade is accepted, one after the other."""
    reflector: Reflector | None = None
    """What the far end saw of each session can be joined to the run (`stresser join`)."""
    mqtt: Broker | None = None
    """For activities of the kind `mqtt`; left out: its defaults."""
    send_secrets_over_unverified_chain: bool = False
    """Send what is of the environment even where the chain does not verify, or where there is no
    TLS. Think twice."""


class Egress(_Table, frozen=True, kw_only=True):
    """At most one of `interface`, `source`, `lab`; a proxy may join the first two."""

    name: str
    interface: str | None = None
    source: str | None = None
    proxy: str | None = None
    """`http://`, `https://`, `socks5://` (names are looked up here) or `socks5h://host:port` (by
    the proxy); `environment`: what HTTPS_PROXY and NO_PROXY say, read as curl reads them, else this
    system's PAC file; `pac:FILE` or `pac:URL`: what that PAC file says of each endpoint."""
    proxy_user: str | None = None
    """`env:NAME`: taken from the environment, never recorded."""
    proxy_password: str | None = None
    """`env:NAME`, likewise."""
    proxy_auth: list[ProxyAuth] | None = None
    """How a login may be given to an HTTP proxy: of what it offers, the strongest. Omitted:
    `negotiate` and `digest`."""
    proxy_ca: str | None = None
    """PEM file with roots that an `https://` proxy may prove itself by, besides the system's."""
    lab: Middlebox | None = None


class Record(_Table, frozen=True, kw_only=True):
    """How the run is recorded."""

    histogram_interval: Duration = _seconds(10)
    tls_keys: bool = False
    """Write the keys of the run's TLS sessions down, so that a capture of theirs can be read."""


class Witnesses(_Table, frozen=True, kw_only=True):
    """What else is asked and watched when sessions end."""

    packets: bool = True
    """Capture the SYN-ACKs, FINs and resets of our own flows, where this process may."""
    fresh_connections: bool = True
    """Make one, with a TLS handshake and a goodbye, when a pong is late, a session ended or an
    attempt failed: at most one round a second for each endpoint, egress and address."""
    hops: bool = True
    """Find the routers that flows pass, and where one that died stops, by small segments that die
    before the other end: where packets are captured."""


class Scenario(_Table, frozen=True, kw_only=True):
    """One scenario file, complete with its defaults."""

    name: str
    duration: Duration | None = None
    """From the start of the run, ramp included. None: until stopped."""
    sessions: Sessions = Sessions()
    timeouts: Timeouts = Timeouts()
    activities: list[Activity] = field(default_factory=lambda: [Activity(name="heartbeat")])
    """Written as `[activity]` or as `[[activities]]`."""
    endpoints: list[Endpoint]
    egresses: list[Egress] = field(default_factory=lambda: [Egress(name="default")])
    thresholds: dict[str, str] = {}
    record: Record = Record()
    witnesses: Witnesses = Witnesses()
