"""Who ends TLS on each way: sentences from verdicts, then from the signs that support them.

The verdict is a matter of trust (`net/trust.py`); a product's name and the signs never make one.
"""

from collections.abc import Iterator

from stresser.analysis.counts.chain_tally import ChainNotes, ChainTally, Way, WayTally
from stresser.analysis.counts.plan_facts import PlanFacts
from stresser.analysis.words.endings import counted
from stresser.model.chain import ChainClass
from stresser.model.units import NS_PER_MS, escaped, format_duration

OTHER_STACKS = (
    "Interception was judged for this program's TLS alone: on this very host another client "
    "(.NET, Schannel, a browser, a service account) may be treated differently."
)
_NAME = 40
_TEXT = 200
_FEWEST_ENDPOINTS = 2
_FAR_TIMES = 8
_FAR_NS = 5 * NS_PER_MS
"""TLS that takes this many times as long as TCP, and this much longer, was answered farther off."""
_GOOD = frozenset({ChainClass.PUBLIC, ChainClass.DECLARED})


def interception_findings(chains: ChainTally, plan: PlanFacts) -> list[str]:
    """Sentences on interception, the verdicts first."""
    said: list[str] = []
    for endpoint in chains.endpoints:
        ways = list(chains.ways_to(endpoint))
        for way, figures in ways:
            if figures.intercepted:
                said += _verdict(way, figures, ways, chains)
                said.append(_evidence(way, figures, ways, chains, plan))
            else:
                said += _suspicion(way, figures, ways, chains)
    return said + list(_one_issuer(chains, plan))


def _verdict(
    way: Way, figures: WayTally, ways: list[tuple[Way, WayTally]], chains: ChainTally
) -> Iterator[str]:
    endpoint, egress = _shown(way.endpoint), _shown(way.egress)
    extent = ""
    if figures.intercepted < figures.judged:
        extent = f" in {figures.intercepted:,} of {counted(figures.judged, 'handshake')},"
        first_ns = _first_ns(figures)
        if first_ns is not None:
            extent += f" first {format_duration(first_ns)} into the run,"
    product = _products(way, figures, chains)
    clean = [_shown(other.egress) for other, tally in ways if _is_clean(other, tally, chains)]
    contrast = f", not through {' or '.join(clean)}" if clean else ""
    yield f"TLS to {endpoint} is intercepted{extent} through {egress}{product}{contrast}."


def _is_clean(way: Way, figures: WayTally, chains: ChainTally) -> bool:
    """Not only unaccused: every chain there verifies by a public or a declared root."""
    return figures.is_clean and all(
        note.chain_class in _GOOD for note in _notes(way, figures, chains)
    )


def _evidence(
    way: Way,
    figures: WayTally,
    ways: list[tuple[Way, WayTally]],
    chains: ChainTally,
    plan: PlanFacts,
) -> str:
    notes = [note for note in _notes(way, figures, chains) if note.intercepted]
    why = escaped(notes[0].why, _TEXT) if notes else "its chain is not described in this record"
    signs = list(_signs(figures, notes, ways, chains))
    supported = f" What supports it: {'; '.join(signs)}." if signs else ""
    host = escaped(plan.hosts.get(way.endpoint, way.endpoint), 80)
    return (
        f"That rests on trust, not on names: {why}.{supported} If that root is the endpoint's own,"
        f" declare it with ca; else ask for a TLS inspection bypass of {host}."
    )


def _signs(
    figures: WayTally,
    notes: list[ChainNotes],
    ways: list[tuple[Way, WayTally]],
    chains: ChainTally,
) -> Iterator[str]:
    """None of them would do alone."""
    without_scts = bool(notes) and all(note.scts == 0 for note in notes)
    clean = [(other, tally) for other, tally in ways if _is_clean(other, tally, chains)]
    if without_scts and not clean:
        yield "its leaf holds no SCTs, as all leaves of public CAs do"
    for other, tally in clean[:1]:
        egress = _shown(other.egress)
        scts = max((note.scts or 0 for note in _notes(other, tally, chains)), default=0)
        if without_scts and scts:
            yield f"its leaf holds no SCTs where that through {egress} holds {scts}"
        yield from _lower(figures, tally, egress)
    connect, tls = figures.least_connect_ns, figures.least_tls_ns
    if (
        connect is not None
        and tls is not None
        and tls > max(_FAR_TIMES * connect, connect + _FAR_NS)
    ):
        yield (
            f"TCP connects in {format_duration(connect)} and TLS takes {format_duration(tls)}, "
            "as if TCP ended nearer than TLS is answered"
        )


def _lower(figures: WayTally, other: WayTally, egress: str) -> Iterator[str]:
    version, theirs = max(figures.versions, default=""), max(other.versions, default="")
    if version and theirs and version < theirs:
        yield f"{escaped(version, 20)} where {egress} agrees on {escaped(theirs, 20)}"
    if figures.alpns == {"none"} and "none" not in other.alpns and other.alpns:
        alpn = escaped(", ".join(sorted(other.alpns)), _NAME)
        yield f"no ALPN where {egress} agrees on {alpn}"


def _suspicion(
    way: Way, figures: WayTally, ways: list[tuple[Way, WayTally]], chains: ChainTally
) -> Iterator[str]:
    """A root that nobody here knows accuses nobody; a name or another way's chain makes one ask."""
    notes = [
        n for n in _notes(way, figures, chains) if n.chain_class is ChainClass.PRIVATE_UNTRUSTED
    ]
    if not notes:
        return
    clean = [other for other, tally in ways if _is_clean(other, tally, chains)]
    product = _product(notes[0])
    if not clean and not product:
        return
    contrast = ""
    if clean:
        contrast = f", while through {_shown(clean[0].egress)} it verifies"
        contrast += ", a strong sign of interception"
    yield (
        f"The chain of {_shown(way.endpoint)} through {_shown(way.egress)} is trusted by nobody"
        f" here{product}{contrast} ({escaped(notes[0].why, _TEXT)})."
    )


def _one_issuer(chains: ChainTally, plan: PlanFacts) -> Iterator[str]:
    """One issuer that signs, through one egress, for endpoints of unrelated domains."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    for way, figures in chains.ways.items():
        for note in _notes(way, figures, chains):
            domain = _domain(plan.hosts.get(way.endpoint, ""))
            if note.intercepted and domain:
                found.setdefault((way.egress, note.issuer), {}).setdefault(domain, way.endpoint)
    for (egress, issuer), endpoints in found.items():
        if len(endpoints) >= _FEWEST_ENDPOINTS:
            names = ", ".join(_shown(name) for name in list(endpoints.values())[:10])
            yield (
                f"Through {_shown(egress)} one issuer, {escaped(issuer, 100)}, signs for endpoints "
                f"of {len(endpoints)} unrelated domains ({names}), which supports interception."
            )


def _domain(host: str) -> str:
    """The last two labels; empty for what has none. Wrong for co.uk and the like: then too few."""
    labels = host.split(".")
    return ".".join(labels[-2:]) if len(labels) > 1 and not labels[-1].isdigit() else ""


def _products(way: Way, figures: WayTally, chains: ChainTally) -> str:
    notes = [note for note in _notes(way, figures, chains) if note.intercepted and note.product]
    return _product(notes[0]) if notes else ""


def _product(note: ChainNotes) -> str:
    if note.product is None:
        return ""
    weak = ", by a weak likeness of names" if note.product_is_weak else ""
    return f" (consistent with {escaped(note.product, 80)}{weak})"


def _notes(way: Way, figures: WayTally, chains: ChainTally) -> list[ChainNotes]:
    known = (chains.notes(way.endpoint, chain) for chain in figures.chains)
    return [note for note in known if note is not None]


def _first_ns(figures: WayTally) -> int | None:
    """When the first interceptor's chain was seen; None: the table had no room for it."""
    return min((u.first_ns for u in figures.chains.values() if u.intercepted), default=None)


def _shown(name: str) -> str:
    return escaped(name, _NAME)
