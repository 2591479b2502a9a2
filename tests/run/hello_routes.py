"""A way as a check has gone it, for tests of what is tried there once more."""

from functools import cache

from stresser.model.cohort import Cohort
from stresser.net.dial import Binding
from stresser.net.resolve import literal_address
from stresser.net.tls import TlsProfile, context_for
from stresser.net.trust import ChainJudge
from stresser.net.websocket import UpgradeRequest
from stresser.scenario.plan import Activity, Timeouts
from stresser.session.attempt import Attempt
from stresser.session.route import Route


@cache
def _judge() -> ChainJudge:
    return ChainJudge(())


class StillClock:
    """No time passes."""

    woke_ns = 0

    def now_ns(self) -> int:
        return 0


def first_attempt(segment: int | None = 1448, **changes: object) -> Attempt:
    """It came to a ClientHello, at 192.0.2.1."""
    fields: dict[str, object] = {
        "cohort": Cohort("broker", "vpn", "silent"),
        "host": "broker.example.net",
        "port": 443,
        "binding": Binding(source="198.51.100.2"),
        "server_name": "broker.example.net",
        "context": context_for(TlsProfile(require=False)),
        "judge": _judge(),
        "request": UpgradeRequest(host="broker.example.net", target="/", headers={}),
        "withhold_secret": True,
        "activity": Activity(),
        "timeouts": Timeouts(),
    }
    attempt = Attempt(1, Route(**fields | changes), StillClock())  # type: ignore[arg-type]  # by name
    attempt.address = literal_address("192.0.2.1", 443)
    attempt.segment = segment
    attempt.phases_ns = {"connect": 20_000_000}
    return attempt
