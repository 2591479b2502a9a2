"""How sessions of one cohort reach their endpoint: the scenario, made ready to use."""

import ssl
from dataclasses import dataclass

from stresser.model.cohort import Cohort
from stresser.model.scenario import Activity, ActivityKind, Timeouts
from stresser.net.dial import Binding
from stresser.net.trust import ChainJudge
from stresser.net.websocket import UpgradeRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Shared by all sessions of a cohort."""

    cohort: Cohort
    host: str
    """Name or address to dial; a lab middlebox's address where the egress is one."""
    port: int
    binding: Binding
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

    @property
    def heartbeat(self) -> bool:
        """Pings are sent: a `tls` session has no carrier for them and is held silent."""
        return self.activity.kind is ActivityKind.HEARTBEAT and self.request is not None
