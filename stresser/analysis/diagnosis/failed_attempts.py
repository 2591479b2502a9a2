"""Attempts that failed, by what they met: a refusal, a hang, a filter, a dead endpoint, a portal.

One candidate for each pair and each thing met; those of one endpoint or one egress are joined.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from stresser.analysis.counts.chain_tally import ChainNotes
from stresser.analysis.diagnosis.candidate import Candidate, Claims
from stresser.analysis.diagnosis.case_file import CaseFile, DropFact
from stresser.analysis.diagnosis.diagnosis import Mechanism
from stresser.analysis.diagnosis.ending_facts import EndingFact, FailureFact
from stresser.analysis.diagnosis.one_moment import is_far_side
from stresser.analysis.words.address_family import family_of
from stresser.analysis.words.endings import counted
from stresser.analysis.words.obstacles import LOGIN_OBSTACLES, Obstacle, is_about_certificate
from stresser.analysis.words.remedy_row import Addressee
from stresser.analysis.words.remedy_table import (
    BY_OBSTACLE,
    answer_words,
    filled,
    missing_facts,
    row_facts,
    seen_words,
)
from stresser.model.cohort import Pair
from stresser.model.ending import Initiator, Kind
from stresser.model.units import NS_PER_S, escaped

_BESIDE_NS = 5 * NS_PER_S
_MECHANISMS = {
    Obstacle.NAME_UNKNOWN: Mechanism.RESOLVE_FAILURE,
    Obstacle.NAME_UNANSWERED: Mechanism.RESOLVE_FAILURE,
    Obstacle.PORT_REFUSED: Mechanism.ENDPOINT_DOWN,
    Obstacle.NO_CONNECTION: Mechanism.OUTAGE,
    Obstacle.NOTHING_LEFT: Mechanism.OUTAGE,
    Obstacle.PROXY_UNREACHED: Mechanism.PROXY_REFUSAL,
    **dict.fromkeys(LOGIN_OBSTACLES, Mechanism.PROXY_REFUSAL),
    Obstacle.PROXY_FORBIDS: Mechanism.PROXY_REFUSAL,
    Obstacle.PROXY_REPORTS: Mechanism.PROXY_REFUSAL,
    Obstacle.HELLO_CUT: Mechanism.NAME_FILTER,
    Obstacle.HELLO_DROPPED: Mechanism.NAME_FILTER,
    Obstacle.ANSWER_TORN: Mechanism.HANDSHAKE_HANG,
    Obstacle.ANSWER_MISSING: Mechanism.HANDSHAKE_HANG,
    Obstacle.HELLO_UNANSWERED: Mechanism.HANDSHAKE_HANG,
    Obstacle.TUNNEL_SILENT: Mechanism.HANDSHAKE_HANG,
    Obstacle.PLAIN_HTTP: Mechanism.CAPTIVE_PORTAL,
    Obstacle.NO_TLS: Mechanism.REFUSED_BY_ENDPOINT,
    Obstacle.NO_HTTP: Mechanism.REFUSED_BY_ENDPOINT,
    Obstacle.ALERT_CLIENT: Mechanism.REFUSED_BY_ENDPOINT,
    Obstacle.ALERT_ALPN: Mechanism.REFUSED_BY_ENDPOINT,
    Obstacle.ALERT_NAME: Mechanism.REFUSED_BY_ENDPOINT,
    Obstacle.ALERT: Mechanism.REFUSED_BY_ENDPOINT,
    Obstacle.CHAIN_REFUSED: Mechanism.REFUSED_BY_ENDPOINT,
    Obstacle.CHAIN_INCOMPLETE: Mechanism.REFUSED_BY_ENDPOINT,
    Obstacle.UPGRADE_DROPPED: Mechanism.HANDSHAKE_HANG,
    Obstacle.UPGRADE_UNANSWERED: Mechanism.HANDSHAKE_HANG,
    Obstacle.UPGRADE_CUT: Mechanism.REFUSED_BY_ENDPOINT,
    Obstacle.UPGRADE_STRIPPED: Mechanism.REFUSED_BY_ENDPOINT,
    Obstacle.REDIRECTED: Mechanism.REFUSED_BY_ENDPOINT,
    Obstacle.SENT_AWAY: Mechanism.CAPTIVE_PORTAL,
    Obstacle.PORTAL: Mechanism.CAPTIVE_PORTAL,
    Obstacle.LOGIN_WANTED: Mechanism.REFUSED_BY_ENDPOINT,
    Obstacle.TOKEN_REFUSED: Mechanism.REFUSED_BY_ENDPOINT,
    Obstacle.FORBIDDEN: Mechanism.REFUSED_BY_ENDPOINT,
    Obstacle.NOT_FOUND: Mechanism.REFUSED_BY_ENDPOINT,
    Obstacle.HTTP_REFUSED: Mechanism.REFUSED_BY_ENDPOINT,
    Obstacle.ALPN_NOT_SPOKEN: Mechanism.REFUSED_BY_ENDPOINT,
    Obstacle.BEFORE_REFUSED: Mechanism.REFUSED_BY_ENDPOINT,
    Obstacle.BEFORE_LACKS: Mechanism.REFUSED_BY_ENDPOINT,
    Obstacle.OPEN_REFUSED: Mechanism.REFUSED_BY_ENDPOINT,
    Obstacle.BROKER_REFUSED: Mechanism.REFUSED_BY_ENDPOINT,
    Obstacle.OPEN_DROPPED: Mechanism.HANDSHAKE_HANG,
    Obstacle.OPEN_UNANSWERED: Mechanism.HANDSHAKE_HANG,
    Obstacle.OPEN_CUT: Mechanism.REFUSED_BY_ENDPOINT,
}
"""What each obstacle is called in a run; of the others no diagnosis is made."""
_ITS_OWN_WISH = frozenset(
    {
        Obstacle.NO_CONNECTION,
        Obstacle.NOTHING_LEFT,
        Obstacle.NAME_UNKNOWN,
        Obstacle.NAME_UNANSWERED,
        Obstacle.PROXY_UNREACHED,
    }
)
"""Where the mechanism's own sentence says more than the row: it knows the egress."""
_MAY_BE_A_BOXS = frozenset(
    {
        Obstacle.UPGRADE_STRIPPED,
        Obstacle.NOT_FOUND,
        Obstacle.ALPN_NOT_SPOKEN,
        Obstacle.NO_TLS,
        Obstacle.NO_HTTP,
    }
)
_UNANSWERED = (
    "Say how {hosts} answers the messages of the activity: it lives, and does not answer as"
    " expected."
)
_JUST_OPENED_NS = 2 * NS_PER_S
_FEWEST = 2
"""One hello may meet the beginning of an outage."""


class Met(NamedTuple):
    """What an attempt met."""

    mechanism: Mechanism
    words: str
    """`the proxy asked for a password (407)`: completes `every attempt failed: ...`."""
    unproved: str = ""
    ask: str = ""
    """A sentence for whoever can act, where the mechanism's own says too little."""
    is_ours: bool = False
    """That is done on this host."""
    who: Initiator | None = None
    """Whom the endings' own evidence must not name alone."""
    elsewhere: Mechanism | None = None
    """What it is where other egresses meet it as well, or there is none."""


_DOWN = Met(Mechanism.ENDPOINT_DOWN, "")


_HUNG = Met(Mechanism.HANDSHAKE_HANG, BY_OBSTACLE[Obstacle.HELLO_UNANSWERED].seen)


def failed_attempts(case: CaseFile, claims: Claims) -> Iterator[Candidate]:
    """All that is left, sorted by what was met."""
    groups: dict[tuple[Pair, Met], set[int]] = defaultdict(set)
    for one in claims.free_failures(case):
        place = one.ending.cohort.endpoint
        notes = case.chains.notes(place, one.ending.chain)
        met = what_was_met(one.ending, carries_token=place in case.plan.tokens, notes=notes)
        if _is_refused_beside(case, one):
            met = _DOWN
        elif one.ending.obstacle is Obstacle.HELLO_DROPPED and not _is_always_dropped(case, one):
            met = _HUNG
        if met is not None:
            groups[one.ending.pair, met].add(one.place)
    for (pair, met), places in groups.items():
        facts = [case.failures[place].ending for place in places]
        family = _broken_family(case, facts)
        apart = family.contrast if family else _by_address(case, pair, facts)
        by_name = _other_name(case, pair, facts) if met.mechanism is Mechanism.NAME_FILTER else ""
        by = f"by {family.name}, " if family else ""
        words = filled(met.words, {"answer": _usual_answer(facts)})
        yield Candidate(
            mechanism=met.mechanism,
            failures=frozenset(places),
            event=words and f"{by}{words}",
            contrast=tuple(filter(None, [by_name, apart])),
            said=met.who is None and 2 * sum(fact.is_said for fact in facts) > len(facts),
            unproved=(met.unproved,) if met.unproved and not by_name else (),
            advice=met.ask.replace("{hosts}", f"{{hosts}} by {family.name}") if family else met.ask,
            is_ours=met.is_ours,
            who=met.who,
            elsewhere=met.elsewhere,
        )


def _usual_answer(facts: list[EndingFact]) -> str:
    """What most of these were answered with: no two answers need be the same to the letter."""
    answers = Counter((fact.seen, fact.code, fact.reason, fact.kind) for fact in facts)
    return answer_words(*answers.most_common(1)[0][0])


class _Family(NamedTuple):
    """One family of an endpoint's addresses that alone fails."""

    name: str
    contrast: str


def _broken_family(case: CaseFile, facts: list[EndingFact]) -> _Family | None:
    """All of these went to addresses of one family, and those of the other are open."""
    families = {family_of(fact.remote) if fact.proxy is None else None for fact in facts}
    opened = case.evidence.pairing(*facts[0].pair).families
    name = families.pop()
    if families or name is None or opened[name]:
        return None
    other = "IPv4" if name == "IPv6" else "IPv6"
    if opened[other]:
        return _Family(name, f"by {other} {counted(opened[other], 'session')} opened")
    if any(fact.other_family_opens for fact in facts):
        return _Family(name, f"by {other} a fresh connection was answered")
    return None


def _by_address(case: CaseFile, pair: Pair, facts: list[EndingFact]) -> str:
    """`to 192.0.2.1 alone: to 192.0.2.2 3 sessions opened`: where only some addresses fail."""
    failing = {_host(fact.remote) for fact in facts} - {""}
    opened = Counter(
        _host(case.lives.places[life.place].server) for life in case.lives_of.get(pair, [])
    )
    if not failing or not opened or failing & opened.keys():
        return ""
    there = f"to {_named(opened)} {counted(opened.total(), 'session')} opened"
    return f"to {_named(failing)} alone: {there}"


def _other_name(case: CaseFile, pair: Pair, facts: list[EndingFact]) -> str:
    """`by the name b.test 3 sessions opened there`: at the same address through the same egress."""
    addresses = {fact.remote.rpartition(":")[0] for fact in facts} - {""}
    names = case.plan.snis
    for other in case.pairs:
        name = names.get(other.endpoint)
        if other.egress != pair.egress or name in {None, names.get(pair.endpoint)}:
            continue
        opened = len(case.opened.get(other, []))
        if opened and case.evidence.pairing(*other).addresses & addresses:
            sessions = counted(opened, "session")
            return f"by the name {escaped(name or '', 60)} {sessions} opened there"
    return ""


def _host(remote: str) -> str:
    return remote.rpartition(":")[0].strip("[]")


def _named(hosts: Iterable[str]) -> str:
    first, *more = sorted(hosts)
    return escaped(first, 45) if not more else f"{escaped(first, 45)} and {len(more)} more"


def late_refusals(case: CaseFile, claims: Claims) -> Iterator[Candidate]:
    """Sessions that had only just opened when an alert refused them, or whose messages are refused.

    In TLS 1.3 the client's handshake is over before the server has looked for its certificate.
    """
    yield from _refused_messages(case, claims)
    groups: dict[tuple[Pair, int], set[int]] = defaultdict(set)
    for one in claims.free_drops(case):
        number, age_ns = one.fact.alert, one.drop.age.high
        if is_about_certificate(number) and age_ns < _JUST_OPENED_NS and not one.own.pongs:
            groups[one.pair, number or 0].add(one.number)
    for (_, number), drops in groups.items():
        row = BY_OBSTACLE[Obstacle.ALERT_CLIENT]
        puts = row_facts(number, None, {}, None)
        yield Candidate(
            mechanism=Mechanism.REFUSED_BY_ENDPOINT,
            drops=frozenset(drops),
            condition="that had just opened",
            advice=filled(row.ask, puts),
        )


def _refused_messages(case: CaseFile, claims: Claims) -> Iterator[Candidate]:
    drops: dict[Pair, list[DropFact]] = defaultdict(list)
    for one in claims.free_drops(case):
        if one.fact.kind is Kind.MESSAGE_REFUSAL:
            drops[one.pair].append(one)
    for some in drops.values():
        yield Candidate(
            mechanism=Mechanism.REFUSED_BY_ENDPOINT,
            drops=frozenset(one.number for one in some),
            condition="that said something",
            said=2 * sum(one.fact.is_said for one in some) > len(some),
            advice=_UNANSWERED,
        )


def _is_refused_beside(case: CaseFile, one: FailureFact) -> bool:
    """An interceptor says that it cannot reach an endpoint that refused this host just then."""
    if one.ending.kind is not Kind.HTTP_REFUSAL or not is_far_side(one.ending):
        return False
    return any(
        other.ending.kind is Kind.REFUSED and other.ending.proxy is None
        for pair in case.pairs
        if pair[0] == one.ending.cohort.endpoint and pair != one.ending.pair
        for other in case.failed_between(pair, one.began_ns - _BESIDE_NS, one.began_ns + _BESIDE_NS)
    )


def _is_always_dropped(case: CaseFile, one: FailureFact) -> bool:
    """Again and again TCP stood and the hello was not acknowledged, and meanwhile none opened."""
    pair = one.ending.pair
    alike = [f for f in case.failures_of[pair] if f.ending.obstacle is one.ending.obstacle]
    times = [f.began_ns for f in alike]
    return len(alike) >= _FEWEST and not case.opened_between(pair, min(times), max(times))


def what_was_met(
    fact: EndingFact, *, carries_token: bool = False, notes: ChainNotes | None = None
) -> Met | None:
    """What one failed attempt shows; None: nothing that has a name here.

    `notes`: of the chain that it was shown.
    """
    obstacle = fact.obstacle
    if obstacle is Obstacle.LOGIN_WANTED and carries_token:
        obstacle = Obstacle.TOKEN_REFUSED
    if obstacle is Obstacle.CHAIN_REFUSED and notes is not None and notes.issuer_url:
        obstacle = Obstacle.CHAIN_INCOMPLETE
    mechanism = None if obstacle is None else _MECHANISMS.get(obstacle)
    if obstacle is None or mechanism is None:
        return None
    if is_far_side(fact) and fact.kind is Kind.PROXY_ERROR:
        return _DOWN
    if mechanism is Mechanism.ENDPOINT_DOWN:
        return _DOWN
    if fact.kind is Kind.CERTIFICATE and fact.intercepted:
        return Met(Mechanism.INTERCEPTION, "the chain is an interceptor's")
    row = BY_OBSTACLE[obstacle]
    puts = row_facts(fact.alert, fact.status, dict(fact.headers), fact.alpn, fact.login)
    if notes is not None:
        puts |= missing_facts(notes.missing_issuer, notes.issuer_url)
    own_wish = obstacle in _ITS_OWN_WISH
    return Met(
        mechanism,
        seen_words(row, puts),
        row.unproved,
        ask="" if own_wish else filled(row.ask, puts),
        is_ours=row.whom is Addressee.READER and not own_wish,
        who=Initiator.UNKNOWN if obstacle in _MAY_BE_A_BOXS else None,
        elsewhere=Mechanism.HANDSHAKE_HANG if obstacle is Obstacle.HELLO_DROPPED else None,
    )
