"""Proxies that a PAC names before the one that serves: every client tries them first."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from stresser.analysis.checkup.finding import Concern, Finding, listed, named
from stresser.analysis.words.endings import ending_in_words
from stresser.model.checkup_facts import WayChecked
from stresser.model.events import AttemptFailed
from stresser.model.units import escaped

_MOST_ENDPOINTS = 20


def unserved_proxies(ways: Sequence[WayChecked]) -> Iterator[Finding]:
    """One finding for each egress and entry that failed where another serves."""
    alike: dict[tuple[str, str, str], list[tuple[WayChecked, AttemptFailed]]] = defaultdict(list)
    for way in ways:
        if way.failed is None and way.chosen is not None:
            for entry, failed in zip(way.chosen.entries, way.unserved, strict=False):
                alike[way.egress, way.chosen.source, entry].append((way, failed))
    for (egress, source, entry), pairs in alike.items():
        serving = listed(way.chosen.chosen for way, _ in pairs if way.chosen is not None)
        endpoints = [way.endpoint for way, _ in pairs]
        yield Finding(
            concern=Concern.UNSERVED,
            says=f"{named(entry)}, which the PAC file names first for {listed(endpoints)} through"
            f" {named(egress)}, does not serve; {serving} does.",
            evidence=[
                f"{named(way.endpoint)}: {ending_in_words(failed.ending)}"
                for way, failed in pairs[:_MOST_ENDPOINTS]
            ],
            remedy=f"Ask who runs {named(entry)}, or who writes {escaped(source)} to take it out:"
            " every client tries it first.",
            endpoints=endpoints,
        )
