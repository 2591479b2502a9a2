"""What to do about a way that failed: one plain sentence for each phase and kind of failure.

They say whom to ask for what. Who is at fault is another question, and left to the evidence.
"""

from collections.abc import Callable, Sequence

from stresser.analysis.checkup.finding import destinations, hosts, listed
from stresser.analysis.checkup.handshake_remedies import (
    after_hello,
    alert,
    broken_upgrade,
    no_tls,
    refused_by_proxy,
    refused_upgrade,
)
from stresser.model.checkup_facts import WayChecked
from stresser.model.ending import Initiator, Kind, Phase
from stresser.model.events import AttemptFailed

_Write = Callable[[AttemptFailed, Sequence[WayChecked]], str]


def remedy(failed: AttemptFailed, ways: Sequence[WayChecked]) -> str:
    """What to do, for ways that failed alike. `failed`: how the first of them did."""
    by_kind = _BY_KIND.get(failed.ending.kind)
    if by_kind is None or (
        failed.ending.phase is Phase.PROXY and failed.ending.kind is not Kind.TOOL
    ):
        by_kind = _BY_PHASE.get(failed.ending.phase, _look_closer)
    return by_kind(failed, ways)


def _resolve(failed: AttemptFailed, ways: Sequence[WayChecked]) -> str:
    names = listed(failed.ending.evidence.name or way.host for way in ways[:1])
    if len(ways) > 1:
        names = hosts(ways)
    if failed.ending.failure == "dns_nxdomain_error":
        return f"Check the spelling; else ask whoever runs this host's DNS to resolve: {names}."
    return f"Ask whoever runs this host's DNS why it gives no answer for: {names}."


def _refused(_failed: AttemptFailed, ways: Sequence[WayChecked]) -> str:
    return (
        "Somebody rejects the connection: check the port, then ask for outbound TCP to be allowed"
        f" to: {destinations(ways)}."
    )


def _connect(failed: AttemptFailed, ways: Sequence[WayChecked]) -> str:
    if failed.ending.initiator is Initiator.HOST:
        return (
            "No packet left this host: check its addresses and routes, and whether the VPN is up."
        )
    return (
        f"Ask for outbound TCP to be allowed to: {destinations(ways)}. If only a proxy leads out,"
        " check with --proxy."
    )


def _proxy(failed: AttemptFailed, ways: Sequence[WayChecked]) -> str:
    if failed.ending.kind is Kind.PROXY_ERROR and failed.ending.status is not None:
        return refused_by_proxy(failed, ways)
    return "Check the proxy's address and port, and whether it can be reached from here."


def _certificate(_failed: AttemptFailed, ways: Sequence[WayChecked]) -> str:
    return (
        "The chain does not verify, and the scenario goes no further without that: look at the"
        f" chain of: {hosts(ways)}."
    )


def _tool(_failed: AttemptFailed, _ways: Sequence[WayChecked]) -> str:
    return "The cause is a limit of this machine or a bug of stresser: `stresser doctor` helps."


def _look_closer(_failed: AttemptFailed, ways: Sequence[WayChecked]) -> str:
    return f"Hold sessions for a while (`stresser run`) to see more of: {hosts(ways)}."


_BY_KIND: dict[Kind, _Write] = {
    Kind.RESOLVE_ERROR: _resolve,
    Kind.REFUSED: _refused,
    Kind.CERTIFICATE: _certificate,
    Kind.HTTP_REFUSAL: refused_upgrade,
    Kind.TOOL: _tool,
}
_BY_PHASE: dict[Phase, _Write] = {
    Phase.RESOLVE: _resolve,
    Phase.CONNECT: _connect,
    Phase.PROXY: _proxy,
    Phase.TLS: lambda failed, ways: _IN_TLS.get(failed.ending.kind, after_hello)(failed, ways),
    Phase.UPGRADE: broken_upgrade,
}
_IN_TLS: dict[Kind, _Write] = {Kind.PROTOCOL_ERROR: no_tls, Kind.TLS_ALERT: alert}
