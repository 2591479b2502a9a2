"""Addresses of one name that differ: one family of them fails where the other works."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from stresser.analysis.checkup.finding import Concern, Finding, hosts, listed, named
from stresser.analysis.words.address_family import family_of
from stresser.analysis.words.endings import ending_in_words
from stresser.analysis.words.hello_fate import fate_words
from stresser.model.checkup_facts import WayChecked
from stresser.model.ending import Initiator, Kind, Phase
from stresser.model.events import AttemptFailed

_FAMILIES = frozenset({"IPv4", "IPv6"})
_LOST = frozenset({Kind.TIMEOUT, Kind.SILENCE, Kind.KERNEL_TIMEOUT})


def broken_families(ways: Sequence[WayChecked]) -> Iterator[Finding]:
    """Endpoints that have an open address, and others that fail."""
    for way in ways:
        if way.failed is not None or way.dialled is None:
            continue
        good, alike = [way.dialled, *way.also_open], defaultdict[str, list[AttemptFailed]](list)
        for failed in way.earlier:
            if failed.ending.initiator is Initiator.HOST:
                continue  # a host without IPv6 is no broken path
            alike[_what_fails(failed.remote or "another address", good)].append(failed)
        for what, caught in alike.items():
            yield _finding(way, what, caught, good)


def _what_fails(bad: str, good: Sequence[str]) -> str:
    """A family, where none of its addresses is open."""
    family = family_of(bad)
    if family is None or family in {family_of(one) for one in good}:
        return f"the address {named(bad)}"
    return family


def _finding(
    way: WayChecked, what: str, caught: Sequence[AttemptFailed], good: Sequence[str]
) -> Finding:
    families = dict.fromkeys(family_of(one) or named(one) for one in good)
    works = listed(families) if what in _FAMILIES else listed(good)
    endings = [
        f"{named(one.remote or 'another address')}: {text}"
        for one in caught
        for text in (ending_in_words(one.ending), fate_words(one.ending))
        if text is not None
    ]
    return Finding(
        concern=Concern.ADDRESS,
        says=f"{named(way.endpoint)} through {named(way.egress)}: {what} fails, {works} works.",
        evidence=[*endings, f"{listed(good)}: sessions open"],
        remedy=_remedy(way, caught[0], what),
        endpoints=[way.endpoint],
    )


def _remedy(way: WayChecked, failed: AttemptFailed, what: str) -> str:
    if failed.ending.phase is Phase.CONNECT or failed.ending.kind not in _LOST:
        return (
            f"Clients that try one address only fail by chance. Ask the network team for {what}"
            f" to be let through to {hosts([way])}, or who runs its DNS to take the address out."
        )
    return (
        "TCP stands there and TLS does not, so clients stay with it and hang. Its path loses big"
        " packets, most often: ask the network team for MSS clamping and for ICMP 'packet too big'"
        f" to be let through, for {what} to {hosts([way])}."
    )
