"""How sessions of one cohort reach their endpoint: the scenario, made ready to use."""

import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

from stresser.model.clock import Clock, Hangups
from stresser.model.cohort import Cohort
from stresser.model.scenario import Activity, ActivityKind, Timeouts
from stresser.net.dial import Binding, dial
from stresser.net.proxy import ProxyHop
from stresser.net.resolve import Address
from stresser.net.tap import Tap
from stresser.net.trust import ChainJudge
from stresser.net.websocket import UpgradeRequest


async def connect_tcp(
    address: Address, binding: Binding, clock: Clock, hangups: Hangups | None
) -> Tap:
    """One TCP connection to one address.

    Raises:
        OSError: as `net.dial.dial`.
    """
    return Tap(await dial(address, binding), clock, hangups)


Connect: TypeAlias = Callable[[Address, Binding, Clock, Hangups | None], Awaitable[Tap]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Shared by all sessions of a cohort."""

    cohort: Cohort
    host: str
    """Name or address to dial, or to ask a proxy for; a lab middlebox's address where the egress
    is one."""
    port: int
    binding: Binding
    """Of the socket, whether it goes to the endpoint or to a proxy."""
    proxy: ProxyHop | None = None
    """None: directly."""
    server_name: str
    """Sent as SNI, and what the chain must be for."""
    context: ssl.SSLContext
    judge: ChainJudge
    request: UpgradeRequest | None
    """None: `tls`, held with nothing sent."""
    withhold_secret: bool = False
    """The request carries a secret that only a chain that verifies may see."""
    activity: Activity
    timeouts: Timeouts
    connect: Connect = connect_tcp
    """Makes the transport; in tests of long lives it is one in memory."""

    @property
    def heartbeat(self) -> bool:
        """Pings are sent: a `tls` session has no carrier for them and is held silent."""
        return self.activity.kind is ActivityKind.HEARTBEAT and self.request is not None
