"""What the loopback lab is asked to be: misbehaving middleboxes and endpoints, as data.

Part of the scenario (`lab = {...}` of an egress) and the whole of a `LabPlan`, which the
lab process reads.
"""

from msgspec import Struct

from stresser.model.kill import Kill
from stresser.model.units import Duration, Size


class Middlebox(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A TCP forwarder that misbehaves on request. With no key set it only forwards."""

    kill: Kill = Kill.RESET
    """What idle_timeout, age_limit, byte_limit and on_client_hello do to the flow."""
    idle_timeout: Duration | None = None
    """Kill after this long without a byte in either direction."""
    age_limit: Duration | None = None
    """Kill this long after the flow began, whatever passed."""
    byte_limit: Size | None = None
    """Kill once this many bytes passed, both directions together."""
    on_client_hello: bool = False
    """Kill as soon as the client's first TLS record is seen; it is not forwarded."""
    stall_at: Duration | None = None
    """Stop forwarding towards the client this long after the flow began; TCP still acknowledges."""
    blackhole_at: Duration | None = None
    """Stop forwarding anything on all flows this long after the lab started."""
    blackhole_for: Duration | None = None
    """How long the black hole lasts; omitted: for ever."""
    corrupt_at: Duration | None = None
    """Flip a byte of the first client record after this age: the endpoint answers with an alert."""
    delay: Duration | None = None
    """Added to each direction."""
    intercept: bool = False
    """End TLS here with a certificate signed by the lab's own inspection CA. What is no TLS passes,
    and its flow is spared from the other rules."""


class LabEndpoint(Struct, frozen=True, kw_only=True):
    """One lab endpoint, from a URL like `lab+wss://echo` or `lab+wss://refuse/503`."""

    name: str
    """The endpoint's name in the scenario."""
    scheme: str
    """`wss`, `tls`, `ws` or `tcp`."""
    behaviour: str
    """The URL's host part: `echo`, `refuse`, ..."""
    argument: str = ""
    """The URL's path without its slash."""
    tls_version: str | None = None
    """`1.2` or `1.3`: the only version the server offers; omitted: both."""


class LabRoute(Struct, frozen=True, kw_only=True):
    """One endpoint as seen through one lab middlebox; `upstream` for endpoints outside the lab."""

    egress: str
    endpoint: str
    upstream_host: str | None = None
    upstream_port: int | None = None


class LabPlan(Struct, frozen=True, kw_only=True):
    """All that a lab process serves. Read as one JSON object from its standard input."""

    endpoints: list[LabEndpoint] = []
    middleboxes: dict[str, Middlebox] = {}
    routes: list[LabRoute] = []
    token: str | None = None
    """By which sessions name themselves to endpoints that reflect; made anew for each run."""


class LabAddress(Struct, frozen=True, kw_only=True):
    """Where a lab listener waits."""

    endpoint: str
    egress: str | None
    """None: the endpoint itself, with no middlebox in between."""
    host: str
    port: int


class LabReady(Struct, frozen=True, kw_only=True):
    """The one JSON line a lab process prints on standard output when all listeners wait."""

    pid: int
    ca_file: str
    """PEM file of the CA that signed the endpoints' certificates."""
    inspection_ca_file: str
    """PEM file of the middleboxes' own CA."""
    server_name: str
    """The name the endpoints' certificates are for."""
    addresses: list[LabAddress]
