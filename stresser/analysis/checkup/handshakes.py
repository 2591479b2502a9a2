"""Findings from ClientHellos that differ in one thing each, with the hellos that show it."""

from collections.abc import Iterator, Sequence

from stresser.analysis.checkup.finding import Concern, Finding, listed, named
from stresser.analysis.checkup.hello_reading import HelloReading, read_hellos
from stresser.analysis.checkup.remedies import hello_remedy
from stresser.analysis.words.hello_remedies import KNOWN_BOXES
from stresser.analysis.words.obstacles import Obstacle
from stresser.analysis.words.remedy_table import BY_OBSTACLE
from stresser.model.checkup_facts import WayChecked
from stresser.model.hello_tried import HelloOutcome, HelloShape, HelloTried, SegmentLimit

_S = HelloShape
_SHAPES = {
    _S.CLASSIC: "classic",
    _S.CAPPED: "classic, answered in small segments",
    _S.SPLIT: "classic in several segments",
    _S.SPLIT_NAME: "classic, the name in the second segment",
    _S.LONG: "long",
    _S.HYBRID: "ML-KEM, the name first",
    _S.HYBRID_NAME_LAST: "ML-KEM, the name last",
    _S.HYBRID_SPLIT: "ML-KEM in small segments",
    _S.TLS_1_2: "TLS 1.2 alone",
    _S.NO_NAME: "without a name",
    _S.OTHER_NAME: "another name",
    _S.OTHER_ALPN: "another ALPN",
}
_WELL = frozenset({HelloOutcome.STOOD, HelloOutcome.ALERT})
_READS_FIRST = frozenset({Obstacle.ONE_SEGMENT_READ, Obstacle.NAME_BEHIND})


def hello_findings(ways: Sequence[WayChecked]) -> Iterator[Finding]:
    """Of ways on which sessions open: those that fail have a finding already."""
    for way in ways:
        reading = read_hellos(way.hellos)
        if way.failed is not None or reading.decides is None:
            continue
        place = f"{named(way.endpoint)} through {named(way.egress)}"
        yield Finding(
            concern=Concern.HELLO,
            says=f"{place}: {BY_OBSTACLE[reading.decides].seen}.",
            evidence=list(hello_evidence(way, ways)),
            remedy=hello_remedy(reading.decides, [way]),
            endpoints=[way.endpoint],
        )


def hello_evidence(way: WayChecked, ways: Sequence[WayChecked]) -> Iterator[str]:
    """What passed and what did not, where else it did, and which products do likewise."""
    reading = read_hellos(way.hellos)
    if reading.decides is None:
        return
    if way.failed is not None:
        yield BY_OBSTACLE[reading.decides].seen
    yield f"answered twice and more: {_listed(reading.passed)}"
    yield f"not answered, twice and more: {_listed(reading.failed)}"
    yield from map(_limit_words, way.segments)
    yield _compared(way, reading, ways)
    if reading.decides in KNOWN_BOXES:
        yield KNOWN_BOXES[reading.decides]


def _limit_words(limit: SegmentLimit) -> str:
    where = "us" if limit.towards_us else "the endpoint"
    return (
        f"towards {where} segments of {limit.passes:,} bytes pass, and of {limit.fails:,} are lost"
        " (options included, IP and TCP headers not)"
    )


def _compared(way: WayChecked, reading: HelloReading, ways: Sequence[WayChecked]) -> str:
    """Whether it is this egress, by the same hellos to the same endpoint through others."""
    others = [one for one in ways if one.endpoint == way.endpoint and one.egress != way.egress]
    alike = [one.egress for one in others if read_hellos(one.hellos).decides is reading.decides]
    if alike:
        return f"via {listed(alike)} the same: it is the endpoint, or stands before it"
    well = [one for one in others if _lets_pass(one, reading)]
    there = [one.egress for one in well if _same_machine(one, way)]
    if there:
        does = "reads the first packet alone" if reading.decides in _READS_FIRST else "does it"
        return f"via {listed(there)} they were answered: a box on {named(way.egress)} {does}"
    if well:
        elsewhere = listed(one.egress for one in well)
        return f"via {elsewhere} they were answered, though perhaps by another machine"
    return "no other egress shows how they fare: the endpoint's own server may be who does it"


def _same_machine(one: WayChecked, other: WayChecked) -> bool:
    """By its address, which both dialled, and by its certificate, where both were shown one."""
    chains = {way.tls.chain for way in (one, other) if way.tls is not None}
    is_direct = one.proxy is None and other.proxy is None
    return is_direct and one.dialled == other.dialled and len(chains) <= 1


def _lets_pass(other: WayChecked, reading: HelloReading) -> bool:
    """All that failed here was answered there: by its own trials, or by the check itself."""
    tried = {one.shape: one for one in other.hellos if one.outcomes}
    if not tried:
        return other.failed is None and any(one.shape is _S.CLASSIC for one in reading.failed)
    wanted = [tried.get(one.shape) for one in reading.failed]
    return all(one is not None and _WELL.issuperset(one.outcomes) for one in wanted)


def hello_lines(way: WayChecked) -> Iterator[tuple[str, str]]:
    """All hellos of a way in a few lines: how they fared, and who fared so."""
    by_fate: dict[str, list[HelloTried]] = {}
    for one in way.hellos:
        fates = {_FATES[outcome] for outcome in one.outcomes}
        fate = "not made" if one.not_made else fates.pop() if len(fates) == 1 else "now and then"
        by_fate.setdefault(fate, []).append(one)
    for fate, those in by_fate.items():
        yield fate, _listed(those)


_FATES = {
    HelloOutcome.STOOD: "answered",
    HelloOutcome.ALERT: "answered by an alert",
    HelloOutcome.CUT: "cut",
    HelloOutcome.LOST: "not answered",
    HelloOutcome.UNKNOWN: "not known",
}


def _listed(those: Sequence[HelloTried]) -> str:
    return "; ".join(map(_in_words, those))


def _in_words(one: HelloTried) -> str:
    what = _SHAPES[one.shape]
    if one.not_made is not None:
        return f"{what} ({one.not_made})"
    segments = "" if one.segments is None else f" in {one.segments}"
    alert = "" if one.alert is None else f", alert {one.alert}"
    lost = HelloOutcome.LOST in one.outcomes and one.acknowledged is not None
    acked = f", {one.acknowledged:,} acknowledged" if lost else ""
    return f"{what} ({one.size:,} bytes{segments}{acked}{alert})"
