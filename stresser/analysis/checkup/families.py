"""Addresses of one name that differ: one family of them fails where the other works."""

from collections.abc import Iterator, Sequence

from stresser.analysis.checkup.finding import Concern, Finding, hosts, named
from stresser.analysis.words.endings import ending_in_words
from stresser.model.checkup_facts import WayChecked
from stresser.model.ending import Phase
from stresser.model.events import AttemptFailed
from stresser.scenario.endpoint import ip_or_none


def broken_families(ways: Sequence[WayChecked]) -> Iterator[Finding]:
    """Endpoints that took a session at one address after another had failed."""
    for way in ways:
        if way.failed is None and way.earlier and way.dialled is not None:
            yield _finding(way, way.earlier[-1], way.dialled)


def _finding(way: WayChecked, failed: AttemptFailed, good: str) -> Finding:
    bad = failed.remote or "another address"
    families = family_of(bad), family_of(good)
    if families[0] == families[1] or None in families:
        what, works = f"the address {named(bad)}", named(good)
    else:
        what, works = str(families[0]), str(families[1])
    return Finding(
        concern=Concern.ADDRESS,
        says=f"{named(way.endpoint)} through {named(way.egress)}: {what} fails, {works} works.",
        evidence=[
            f"{named(bad)}: {ending_in_words(failed.ending)}",
            f"{named(good)}: sessions open",
        ],
        remedy=_remedy(way, failed, what),
        endpoints=[way.endpoint],
    )


def _remedy(way: WayChecked, failed: AttemptFailed, what: str) -> str:
    if failed.ending.phase is Phase.CONNECT:
        return (
            f"Clients that try one address only fail by chance. Ask the network team for {what}"
            f" to be let through to {hosts([way])}, or who runs its DNS to take the address out."
        )
    return (
        "TCP stands there and TLS does not, so clients stay with it and hang. Its path loses big"
        " packets, most often: ask the network team for MSS clamping and for ICMP 'packet too big'"
        f" to be let through, for {what} to {hosts([way])}."
    )


def family_of(address: str) -> str | None:
    """`IPv4` or `IPv6` of `address:port`; None: it is neither."""
    number = ip_or_none(address.rpartition(":")[0].strip("[]"))
    return None if number is None else f"IPv{number.version}"
