"""What a check has found: a verdict, a word on each way, and what to do about it."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from stresser.analysis.chains.accusations import (
    OTHER_STACKS,
    accusations_in_words,
    declare_words,
)
from stresser.analysis.chains.interception import (
    Accusation,
    Suspected,
    Undeclared,
    interceptions,
)
from stresser.analysis.checkup.families import broken_families
from stresser.analysis.checkup.finding import Concern, Finding, hosts, listed, named
from stresser.analysis.checkup.handshakes import hello_evidence, hello_findings
from stresser.analysis.checkup.redirection import redirections, sites_apart, sites_of
from stresser.analysis.checkup.remedies import met_on, remedy, seen_on
from stresser.analysis.checkup.unserved_proxies import unserved_proxies
from stresser.analysis.counts.chain_tally import ChainTally
from stresser.analysis.words.endings import counted, ending_in_words
from stresser.analysis.words.hello_fate import fate_words
from stresser.analysis.words.obstacles import Obstacle
from stresser.analysis.words.remedy_table import BY_OBSTACLE, asked_words, missing_facts
from stresser.analysis.words.site_words import sites_in_words
from stresser.model.chain import ChainClass
from stresser.model.checkup_facts import Asked, Checked, WayChecked
from stresser.model.cohort import Pair
from stresser.model.ending import Initiator, Kind
from stresser.model.events import AttemptFailed, ChainSeen
from stresser.model.units import escaped, shown
from stresser.model.verdict import Verdict

_TEXT = 200
_MOST_EVIDENCE = 20
_SWITCHED = 101
_PORTAL = 511
"""Network Authentication Required (RFC 6585 section 6): only a portal on the path says so."""
_NEVER_LEFT = frozenset({Initiator.HOST, Initiator.TOOL})


class WayResult(Struct, frozen=True, kw_only=True):
    """One way, and what came of it in words."""

    fine: bool
    """It was gone to its end, and a client on this host would take its chain."""
    result: str
    chain: str | None
    """What the chain is, in words; None: none was seen."""
    facts: WayChecked


class CheckReport(Struct, frozen=True, kw_only=True):
    """All that a check has to say."""

    verdict: Verdict
    says: str
    """The verdict in one sentence."""
    findings: list[Finding]
    notes: list[str]
    results: list[WayResult]


def conclude(checked: Checked) -> CheckReport:
    """Judge what was seen."""
    tally = _chain_tally(checked.ways)
    ways = [_acquitted(way, tally) for way in checked.ways]
    sites, accusations = sites_of(ways), interceptions(tally, _hosts(ways))
    findings = [
        *_failures(ways),
        *hello_findings(ways),
        *_portals(ways),
        *broken_families(ways),
        *_interception(ways, accusations),
        *_chains(ways, accusations),
        *_undeclared(accusations),
        *unserved_proxies(ways),
        *redirections(ways),
        *map(sites_apart, sites.apart()),
    ]
    verdict, says = _verdict(ways, findings, has_route=checked.has_route)
    notes = [sites_in_words(found) for found in sites.in_doubt()]
    if any(way.tls is not None and not way.is_own for way in ways):
        notes.append(OTHER_STACKS)
    results = [
        WayResult(
            fine=way.failed is None and not _is_bad_chain(way),
            result=result_words(way),
            chain=chain_words(way),
            facts=way,
        )
        for way in ways
    ]
    return CheckReport(verdict=verdict, says=says, findings=findings, notes=notes, results=results)


_STANDS = {Asked.TLS: "TLS stands", Asked.TCP: "TCP stands (proves no living endpoint)"}


def result_words(way: WayChecked) -> str:
    """How far it came: the HTTP answer, or what stopped it."""
    if way.failed is not None:
        words = ending_in_words(way.failed.ending)
        if way.asked is Asked.GET:
            words = words.replace("phase WebSocket upgrade", "phase HTTP GET")
        return words
    if way.http is None:
        return _STANDS.get(way.asked, "WebSocket open")
    answer = f"HTTP {way.http.status} {escaped(way.http.reason, 60)}".rstrip()
    return f"WebSocket open ({answer})" if way.http.status == _SWITCHED else answer


def chain_words(way: WayChecked) -> str | None:
    """`intercepted (consistent with ...)`, `public`, `broken: ...`."""
    tls, seen = way.tls, way.chain
    if tls is None or tls.chain_class is None:
        return None
    product = "" if seen is None or seen.product is None else _product(seen.product)
    if tls.intercepted:
        return f"intercepted{product}"
    words = _CLASS_WORDS[tls.chain_class]
    if tls.verified:
        return f"{words}{product}"
    return f"{words}{product}: {escaped(tls.problem or '?', 80)}"


_CLASS_WORDS = {
    ChainClass.PUBLIC: "public",
    ChainClass.DECLARED: "declared",
    ChainClass.PRIVATE_TRUSTED: "private, trusted here",
    ChainClass.PRIVATE_UNTRUSTED: "private, not trusted",
    ChainClass.BROKEN: "broken",
}


def _product(name: str) -> str:
    return f" (consistent with {escaped(name, 60)})"


def _verdict(
    ways: Sequence[WayChecked], findings: Sequence[Finding], *, has_route: bool
) -> tuple[Verdict, str]:
    nothing_left = all(_never_left(way, has_route=has_route) for way in ways)
    if ways and nothing_left:
        why = "" if has_route else ": it has no route to other networks"
        return Verdict.INCONCLUSIVE, f"Nothing could be tried from this host{why}."
    says = _opened(ways)
    wrong = dict.fromkeys(finding.concern for finding in findings if finding.is_failure)
    if not wrong:
        return Verdict.PASS, f"{says}; how long they last only a run shows."
    beside = [_BESIDE[concern] for concern in wrong if concern in _BESIDE]
    return Verdict.FAIL, f"{'; '.join([says, *beside])}."


def _opened(ways: Sequence[WayChecked]) -> str:
    opened = sum(way.failed is None for way in ways)
    if len({way.endpoint for way in ways}) > 1:
        return f"Sessions open on {opened} of {len(ways)} pairs of endpoint and egress"
    return f"Sessions open on {opened} of {len(ways)} egress{'' if len(ways) == 1 else 'es'}"


_BESIDE = {
    Concern.INTERCEPTION: "TLS is intercepted",
    Concern.CHAIN: "a certificate chain does not verify",
    Concern.ADDRESS: "one of an endpoint's addresses fails",
    Concern.HELLO: "some ClientHellos do not pass",
    Concern.PORTAL: "a portal asks for a login",
}


def _never_left(way: WayChecked, *, has_route: bool) -> bool:
    """Whether its failure is this host's own, and says nothing of what lies beyond."""
    failed = way.failed
    if failed is None:
        return False
    if failed.ending.initiator in _NEVER_LEFT:
        return True
    return failed.ending.kind is Kind.RESOLVE_ERROR and not has_route


def _was_sent_away(way: WayChecked) -> bool:
    """By a portal, whose chain is no other obstacle than the portal."""
    failed = way.failed
    has_chain = way.tls is not None and not way.tls.verified
    return failed is not None and has_chain and met_on(way, failed) is Obstacle.SENT_AWAY


def _is_intercepted(way: WayChecked) -> bool:
    return way.tls is not None and way.tls.intercepted


def _is_bad_chain(way: WayChecked) -> bool:
    return way.tls is not None and (way.tls.intercepted or not way.tls.verified)


def _failures(ways: Sequence[WayChecked]) -> Iterator[Finding]:
    """Ways of one egress that failed alike are reported together."""
    alike: dict[tuple[object, ...], list[tuple[WayChecked, AttemptFailed]]] = defaultdict(list)
    for way in ways:
        failed = way.failed
        if failed is not None:
            ending = failed.ending
            alike[
                way.egress,
                ending.phase,
                ending.kind,
                ending.failure,
                ending.status,
                ending.alert,
                met_on(way, failed),
            ].append((way, failed))
    for (egress, *_), pairs in alike.items():
        caught, (first, failed) = [way for way, _ in pairs], pairs[0]
        yield Finding(
            concern=Concern.FAILURE,
            says=f"{listed(way.endpoint for way in caught)} through {named(str(egress))}:"
            f" {result_words(first)}.",
            evidence=[*_evidence(first, failed), *hello_evidence(first, ways)],
            remedy=remedy(failed, caught),
            endpoints=[way.endpoint for way in caught],
        )


def _evidence(way: WayChecked, failed: AttemptFailed) -> Iterator[str]:
    dialled = f"dialled {named(way.dialled)}" if way.dialled else "nothing was dialled"
    source = f" from {named(way.local)}" if way.local else ""
    yield f"{named(way.endpoint)}: {dialled}{source}"
    seen = fate_words(failed.ending) or (None if way.hellos else seen_on(way, failed))
    if seen is not None:
        yield seen
    if _was_sent_away(way):
        yield f"the chain that was served: {chain_words(way)}"
    if failed.ending.evidence.first_bytes:
        yield f"what came instead begins with: {failed.ending.evidence.first_bytes}"
    if failed.ending.raw:
        yield f"the raw error: {shown(failed.ending.raw, _TEXT)}"
    headers = failed.ending.evidence.headers
    if headers:
        said = ", ".join(f"{name}: {value}" for name, value in headers.items())
        yield f"the answer's headers: {escaped(said, _TEXT)}"
    entries = [] if way.chosen is None else way.chosen.entries
    for entry, before in zip(entries, way.unserved, strict=False):
        yield f"before that, {named(entry)}: {ending_in_words(before.ending)}"
    for earlier in way.earlier:
        at = named(earlier.remote or "another address")
        yield f"before that, {at}: {ending_in_words(earlier.ending)}"


def _portals(ways: Sequence[WayChecked]) -> Iterator[Finding]:
    caught = [way for way in ways if way.http is not None and way.http.status == _PORTAL]
    caught = [way for way in caught if way.failed is None]
    if caught:
        yield Finding(
            concern=Concern.PORTAL,
            says=f"{hosts(caught)}: a portal on the path wants a login (HTTP {_PORTAL}).",
            remedy="Log in to this network with a browser, then check again.",
            endpoints=[way.endpoint for way in caught],
        )


def _interception(
    ways: Sequence[WayChecked], accusations: Sequence[Accusation]
) -> Iterator[Finding]:
    caught = [way for way in ways if way.tls is not None and way.tls.intercepted]
    if not caught:
        return
    by_egress: dict[str, list[WayChecked]] = defaultdict(list)
    for way in caught:
        by_egress[way.egress].append(way)
    asked = "; ".join(
        f"{hosts(through)} (through {named(egress)})" for egress, through in by_egress.items()
    )
    judged = sum(way.tls is not None for way in ways)
    grounds = [found for found in accusations if not isinstance(found, Suspected)]
    yield Finding(
        concern=Concern.INTERCEPTION,
        says=f"TLS is intercepted for {len(caught)} of {counted(judged, 'pair')} of endpoint and"
        " egress.",
        evidence=accusations_in_words(grounds, _hosts(ways))[:_MOST_EVIDENCE],
        remedy=f"Ask for a TLS inspection bypass of: {asked}.",
        endpoints=list(dict.fromkeys(way.endpoint for way in caught)),
    )


def _chains(ways: Sequence[WayChecked], accusations: Sequence[Accusation]) -> Iterator[Finding]:
    """Chains that do not verify here and accuse no one."""
    alike: dict[tuple[str, str], list[WayChecked]] = defaultdict(list)
    for way in ways:
        if _is_bad_chain(way) and not _is_intercepted(way) and not _was_sent_away(way):
            alike[way.egress, chain_words(way) or ""].append(way)
    suspicions = [found for found in accusations if isinstance(found, Suspected)]
    for (egress, words), caught in alike.items():
        theirs = {Pair(way.endpoint, egress) for way in caught}
        about = [found for found in suspicions if found.pair in theirs]
        why = [f"{named(w.endpoint)}: {escaped(w.chain.why, _TEXT)}" for w in caught
               if w.chain is not None and w.chain.why]  # fmt: skip
        yield Finding(
            concern=Concern.CHAIN,
            says=f"The chain of {listed(way.endpoint for way in caught)} through {named(egress)} is"
            f" {words}.",
            evidence=[*accusations_in_words(about, _hosts(caught)), *why][:_MOST_EVIDENCE],
            remedy=_chain_remedy(caught, ways),
            endpoints=[way.endpoint for way in caught],
        )


def _undeclared(accusations: Sequence[Accusation]) -> Iterator[Finding]:
    for found in accusations:
        if isinstance(found, Undeclared):
            says, *more = accusations_in_words([found], {})[:-1]
            yield Finding(
                concern=Concern.UNDECLARED,
                says=says,
                evidence=more,
                remedy=declare_words(named(found.endpoint)),
                endpoints=[found.endpoint],
            )


def _acquitted(way: WayChecked, tally: ChainTally) -> WayChecked:
    """A chain that its endpoint shows through every egress is no interceptor's."""
    if way.tls is None or not tally.shared(way.endpoint).is_shared(way.tls.chain):
        return way
    seen = way.chain
    return replace(
        way,
        tls=replace(way.tls, intercepted=False),
        chain=None if seen is None else replace(seen, intercepted=False),
    )


def _chain_remedy(caught: Sequence[WayChecked], ways: Sequence[WayChecked]) -> str:
    names = {way.endpoint for way in caught}
    clean = {
        way.egress
        for way in ways
        if way.endpoint in names and way.tls is not None and way.tls.verified
    }
    if clean:
        return (
            f"Through {listed(sorted(clean))} it verifies: ask who answers here, and for a TLS"
            f" inspection bypass of: {hosts(caught)}."
        )
    fetched = next((w.chain for w in caught if w.chain and w.chain.issuer_url), None)
    if fetched is not None:
        return _missing_intermediate(hosts(caught), fetched)
    if all(way.tls is not None and way.tls.chain_class is ChainClass.BROKEN for way in caught):
        return (
            f"A client that verifies it refuses it: ask who serves {hosts(caught)} to put it right."
            " Check from another network, and if it is good there, ask for a TLS inspection bypass."
        )
    return (
        "If the root is the endpoint's own, declare it (--ca FILE, or ca in the scenario); else"
        f" ask who answers for: {hosts(caught)}."
    )


def _missing_intermediate(whom: str, seen: ChainSeen) -> str:
    facts = missing_facts(seen.missing_issuer, seen.issuer_url) | {"hosts": whom}
    return asked_words(BY_OBSTACLE[Obstacle.CHAIN_INCOMPLETE], facts)


def _chain_tally(ways: Sequence[WayChecked]) -> ChainTally:
    tally = ChainTally()
    for way in ways:
        if way.chain is not None:
            tally.event(way.chain)
        if way.tls is not None:
            opened = way.phases_ns if way.failed is None else {}
            tally.handshake(Pair(way.endpoint, way.egress), way.tls, 0, opened)
    return tally


def _hosts(ways: Sequence[WayChecked]) -> dict[str, str]:
    return {way.endpoint: way.host for way in ways if way.host}
