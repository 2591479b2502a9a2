"""Sites that egresses reach, or may reach, in plain words."""

from collections.abc import Sequence

from stresser.analysis.counts.resolved_addresses import SitesApart, SitesInDoubt
from stresser.model.units import escaped

_MOST_SHOWN = 3


def sites_in_words(found: SitesApart | SitesInDoubt) -> str:
    """One sentence, escaped; of many addresses the first three."""
    endpoint = _name(found.endpoint)
    if isinstance(found, SitesApart):
        (first, other), (ours, theirs) = map(_name, found.egresses), map(_list, found.addresses)
        return (
            f"{endpoint} resolved to {ours} through {first} and to {theirs} through {other}: the"
            " two may reach different sites."
        )
    egresses = ", ".join(map(_name, found.egresses[:_MOST_SHOWN]))
    if found.addresses:
        return (
            f"Look-ups of {endpoint} through {egresses} did not all give the same addresses"
            f" ({found.addresses} in all), so sessions may have reached different sites."
        )
    return (
        f"Through {egresses} the proxy looked {endpoint} up: whether it reaches the same site as"
        " the other egresses is not known."
    )


def _list(addresses: Sequence[str]) -> str:
    more = len(addresses) - _MOST_SHOWN
    shown = ", ".join(map(_name, addresses[:_MOST_SHOWN]))
    return f"{shown} and {more} more" if more > 0 else shown


def _name(text: str) -> str:
    return escaped(text, 60)
