"""One moment at which most of the sessions of an endpoint, an egress or both died: what it was.

State that was lost, an outage, an endpoint that went down or said goodbye: distinguished by how the
sessions ended and by what fresh connections met then.
"""

from collections import Counter
from collections.abc import Callable, Iterator

from msgspec.structs import replace

from stresser.analysis.diagnosis.candidate import Candidate, Claims, Fate
from stresser.analysis.diagnosis.case_file import CaseFile, DropFact
from stresser.analysis.diagnosis.crowds import FEWEST, TOGETHER_NS, Crowd, Group, part_that_died
from stresser.analysis.diagnosis.diagnosis import Mechanism
from stresser.analysis.diagnosis.ending_facts import EndingFact
from stresser.analysis.diagnosis.limit_candidates import limit_candidate
from stresser.analysis.diagnosis.silences_compared import SHORTEST_TIMER_NS
from stresser.analysis.patterns.box_endings import MOMENT, like_boxes
from stresser.analysis.patterns.scopes import Variable
from stresser.analysis.patterns.session_lives import Life
from stresser.model.cohort import Pair
from stresser.model.ending import BRACKETED, Kind, Phase
from stresser.model.fresh_connection import FreshResult
from stresser.model.units import NS_PER_S
from stresser.statistics.brackets import Bracket, agreement, common

_AFTERWARDS_NS = 10 * NS_PER_S
_MOST_DROPS = 20_000
_MOST_TRIES = 60
_GRAIN_NS = 50_000_000
_TIGHTER = 2
_STOPPED = frozenset(
    {"endpoint-stopped-listening", "peer-stopped-listening", "endpoint-gone-behind-proxy"}
)
_REFUSALS = frozenset({Kind.REFUSED, Kind.PROXY_ERROR, Kind.HTTP_REFUSAL})
_CUT = frozenset({Kind.TCP_FIN, Kind.TCP_RESET})
_LOST = frozenset({Kind.TIMEOUT, Kind.SILENCE, Kind.KERNEL_TIMEOUT, Kind.UNREACHABLE})
FAR_SIDE_STATUS = frozenset({500, 502, 503, 504})
"""A proxy answers so for an endpoint that it cannot reach (measured: squid, tinyproxy, Apache,
ncat, mitmproxy); 403 and 407 are its own will."""
_FAR_SIDE_SOCKS = frozenset({3, 4, 5, 6})
"""RFC 1928 section 6: network or host unreachable, refused, TTL expired."""


def one_moment(case: CaseFile, claims: Claims) -> Iterator[Candidate]:
    """The moments that chance does not explain, those with most drops first."""
    free = [one for one in claims.free_drops(case) if one.fact.kind is not Kind.FOUND_DEAD]
    counts = Counter(one.pair for one in free)
    crowd = Crowd(free[:_MOST_DROPS])
    tries = 0
    while tries < _MOST_TRIES:
        together, at = crowd.densest()
        if len(together) < FEWEST:
            return
        group = part_that_died(case, together, at, counts)
        if group is None:
            tries += 1
            crowd.leave(together)
        else:
            crowd.leave(group.members)
            yield _candidate(case, claims, group)


def _candidate(case: CaseFile, claims: Claims, group: Group) -> Candidate:
    facts = [one.fact for one in group.members]
    if _looks_like_a_timer(group):
        return _slow_timer(case, group)
    is_silent = 2 * sum(fact.kind in BRACKETED for fact in facts) > len(facts)
    moment = _moment(group)
    if is_silent:
        mechanism, failures = _silent(case, claims, group, moment)
    else:
        mechanism, failures = _announced(case, claims, group, moment)
    return Candidate(
        mechanism=mechanism,
        drops=frozenset(one.number for one in group.members) | _found_dead(case, claims, group),
        failures=frozenset(failures),
        moment=moment,
        through=_alive_after(moment),
        fate=_fate_at(moment),
        said=is_said(facts),
        unproved=tuple(_unproved(case, group)) if mechanism is Mechanism.STATE_LOST else (),
        consistent_with=tuple(_boxes(facts)) if mechanism is Mechanism.STATE_LOST else (),
    )


def _boxes(facts: list[EndingFact]) -> list[str]:
    kinds, proxied = {fact.kind for fact in facts}, any(fact.proxy for fact in facts)
    return like_boxes(MOMENT, kinds, proxied=proxied, limit=None)


def _moment(group: Group) -> Bracket:
    """From the first to the last of announced endings; else what the brackets have in common."""
    dated = [one.drop.moment for one in group.members if one.fact.kind not in BRACKETED]
    if 2 * len(dated) > len(group.members) and not any(o.drop.is_answer for o in group.members):
        return Bracket(min(m.low for m in dated), max(m.high for m in dated))
    return common([one.drop.moment for one in group.members])


def _alive_after(moment: Bracket) -> Callable[[Life], bool]:
    def lived(life: Life) -> bool:
        proved_until = life.opened_ns + max(life.proved_age_ns, 0)
        is_dated = moment.high - moment.low <= 2 * TOGETHER_NS
        until = life.ended_ns if is_dated else proved_until
        return life.opened_ns <= moment.low and until > moment.high

    return lived


def _fate_at(moment: Bracket) -> Fate:
    """Of drops elsewhere: died then, died later, or were not open then."""
    until = moment.high + TOGETHER_NS

    def met(one: DropFact) -> bool | None:
        if one.drop.life.opened_ns > moment.low or one.drop.moment.high < moment.low:
            return None
        return one.drop.moment.low > until

    return met


def is_said(facts: list[EndingFact]) -> bool:
    """Whether the endpoint itself said it to most sessions of an egress, and others heard it too.

    An interceptor passes close frames on: what it said alike is the endpoint's word.
    """
    by_pair: dict[Pair, list[EndingFact]] = {}
    for fact in facts:
        by_pair.setdefault(fact.pair, []).append(fact)
    heard = {pair for pair, some in by_pair.items() if 2 * sum(f.is_said for f in some) > len(some)}
    words = {(f.kind, f.code) for pair in heard for f in by_pair[pair] if f.is_said}
    others = [f for pair, some in by_pair.items() if pair not in heard for f in some]
    return bool(heard) and 2 * sum((f.kind, f.code) in words for f in others) >= len(others)


def _silent(
    case: CaseFile, claims: Claims, group: Group, moment: Bracket
) -> tuple[Mechanism, set[int]]:
    """It came unannounced: did fresh connections get through?"""
    facts = [one.fact for one in group.members]
    failures = _failures(case, claims, group, moment, _LOST)
    hung = sum(fact.kind is Kind.UNRESPONSIVE for fact in facts)
    if 2 * hung > len(facts) or failures:
        return Mechanism.OUTAGE, failures
    met = Counter(result for fact in facts for result in fact.met)
    if met[FreshResult.SILENT] + met[FreshResult.UNREACHABLE]:
        return Mechanism.OUTAGE, set()
    noticed = max(one.own.t_ns for one in group.members)
    accepted = met[FreshResult.CONNECTED] + met[FreshResult.ACCEPTED]
    passed = met[FreshResult.ANSWERED] + accepted or any(
        case.opened_between(pair, moment.high, noticed + _AFTERWARDS_NS) for pair in group.pairs
    )
    return (Mechanism.STATE_LOST if passed else Mechanism.OUTAGE), set()


def _announced(
    case: CaseFile, claims: Claims, group: Group, moment: Bracket
) -> tuple[Mechanism, set[int]]:
    """It was announced: did the endpoint say why, and does it still listen?"""
    facts = [one.fact for one in group.members]
    refused = _failures(case, claims, group, moment, _REFUSALS)
    refused = {p for p in refused if _is_of_endpoint(case.failures[p].ending)}
    if not any(case.failures[p].ending.kind is Kind.REFUSED for p in refused):
        refused = {p for p in refused if not case.failures[p].ending.intercepted}
    else:  # a box that accepts for the dead hangs up on them
        cut = _failures(case, claims, group, moment, _CUT)
        refused |= {p for p in cut if case.failures[p].ending.phase is Phase.TLS}
    if refused or 2 * sum(bool(f.rules & _STOPPED) for f in facts) > len(facts):
        return Mechanism.ENDPOINT_DOWN, refused
    words = {Kind.WS_CLOSE, Kind.MQTT_DISCONNECT, Kind.TLS_ALERT, Kind.TLS_CLOSE_NOTIFY}
    if is_said(facts) and 2 * sum(fact.kind in words for fact in facts) > len(facts):
        return Mechanism.ENDPOINT_GOODBYE, set()
    return Mechanism.STATE_LOST, set()


def _is_of_endpoint(fact: EndingFact) -> bool:
    """Refused by the endpoint, or by a proxy that says that the far side is dead."""
    return (fact.kind is Kind.REFUSED and fact.proxy is None) or is_far_side(fact)


def is_far_side(fact: EndingFact) -> bool:
    """Whether a proxy speaks of what is behind it, not of its own will.

    An interceptor may pass on what the endpoint says: only who was refused beside it tells.
    """
    if fact.kind is Kind.HTTP_REFUSAL:
        return fact.intercepted and fact.status in FAR_SIDE_STATUS
    if fact.kind is not Kind.PROXY_ERROR:
        return False
    if fact.failure.startswith("socks_"):
        return fact.status in _FAR_SIDE_SOCKS
    return fact.status in FAR_SIDE_STATUS


def _failures(
    case: CaseFile, claims: Claims, group: Group, moment: Bracket, kinds: frozenset[Kind]
) -> set[int]:
    """Attempts of these pairs, since then and until one opened again, that failed like this.

    Whatever opened while the old sessions were dying shows that fresh connections passed.
    """
    found = set()
    for pair in group.pairs:
        first = next((at for at in case.opened.get(pair, []) if at > moment.high), None)
        until = case.lives.now_ns if first is None else first + _AFTERWARDS_NS
        begun = [f for f in case.failed_between(pair, moment.low, until) if f.ending.kind in kinds]
        if begun and first is not None and first < begun[0].began_ns:
            continue
        found |= {one.place for one in begun} & claims.failures
    return found


def _found_dead(case: CaseFile, claims: Claims, group: Group) -> set[int]:
    """Silent sessions of the same pairs that were found dead later and may have died then."""
    return {
        one.number
        for one in claims.free_drops(case)
        if one.fact.kind is Kind.FOUND_DEAD
        and one.pair in group.pairs
        and one.drop.moment.meets(group.at)
    }


def _looks_like_a_timer(group: Group) -> bool:
    """Wide brackets and no silence survived before: a timer slower than the heartbeat fits better.

    Unless their own peer says that it knows no such connection: no idle timer of the endpoint
    forgets silently.
    """
    silences = [one.drop.silence for one in group.members]
    is_wide = group.at.high - group.at.low > 2 * TOGETHER_NS
    strangers = sum(one.fact.is_strangers for one in group.members)
    hung = any(one.fact.kind is Kind.UNRESPONSIVE for one in group.members)
    is_idle = all(silence is not None and silence.high >= SHORTEST_TIMER_NS for silence in silences)
    return is_wide and is_idle and not hung and 2 * strangers <= len(group.members)


def _slow_timer(case: CaseFile, group: Group) -> Candidate:
    limit = common([one.drop.silence for one in group.members if one.drop.silence is not None])
    candidate = limit_candidate(case, Variable.IDLE, limit, group.members)
    told = "Whether silence, age or one moment ended them: all ended at their first ping."
    return replace(candidate, unproved=(told,))


def _unproved(case: CaseFile, group: Group) -> Iterator[str]:
    """What else would look the same: all had started together, and nothing older lived there."""
    ages = agreement([one.drop.age for one in group.members])
    moments = agreement([one.drop.moment for one in group.members])
    if ages is None or moments is None:
        return
    if max(ages.width, _GRAIN_NS) >= _TIGHTER * max(moments.width, _GRAIN_NS):
        return
    oldest = max(one.drop.age.high for one in group.members)
    older = any(
        life.proved_age_ns > oldest for pair in group.pairs for life in case.survivors.get(pair, [])
    )
    if not older:
        yield (
            "Whether a limit on age would look the same: these sessions had started together;"
            " start them with a ramp."
        )
