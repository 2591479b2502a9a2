"""One moment at which most of the sessions of an endpoint, an egress or both died: what it was.

State that was lost, an outage, an endpoint that went down or said goodbye: distinguished by how the
sessions ended and by what fresh connections met then. What refutes a moment: most sessions there
lived on, or chance explains as many.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from math import exp
from typing import NamedTuple

from msgspec.structs import replace

from stresser.analysis.diagnosis.candidate import Candidate, Claims
from stresser.analysis.diagnosis.case_file import CaseFile, DropFact
from stresser.analysis.diagnosis.diagnosis import Mechanism
from stresser.analysis.diagnosis.limit_candidates import limit_candidate
from stresser.analysis.diagnosis.run_evidence import EndingFact
from stresser.analysis.patterns.scopes import Variable
from stresser.analysis.patterns.session_lives import Life
from stresser.model.cohort import Pair
from stresser.model.ending import BRACKETED, Kind
from stresser.model.fresh_connection import FreshResult
from stresser.model.units import NS_PER_S
from stresser.statistics.brackets import Bracket, agreement, common
from stresser.statistics.chance import binomial_tail
from stresser.statistics.numerics import np

_FEWEST = 3
_ALL_OF_SO_MANY = 10
_MOST_OF_THEM = 0.5
_TOGETHER_NS = NS_PER_S // 2
"""Announced endings this close, twice over, came of one event: a restart takes its time."""
_SHORTEST_TIMER_NS = 3 * NS_PER_S
"""No box is known with a timer of silence as short: what dies at once died of something else."""
_AFTERWARDS_NS = 10 * NS_PER_S
_CHANCE = 1e-6
_MOST_DROPS = 20_000
_MOST_TRIES = 60
_GRAIN_NS = 50_000_000
_DATED_TO_NS = 5_000_000
"""Endings are not dated better."""
_TIGHTER = 2
_STOPPED = frozenset(
    {"endpoint-stopped-listening", "peer-stopped-listening", "endpoint-gone-behind-proxy"}
)
_REFUSALS = frozenset({Kind.REFUSED, Kind.PROXY_ERROR, Kind.HTTP_REFUSAL})
_LOST = frozenset({Kind.TIMEOUT, Kind.SILENCE, Kind.KERNEL_TIMEOUT, Kind.UNREACHABLE})
FAR_SIDE_STATUS = frozenset({500, 502, 503, 504})
"""A proxy answers so for an endpoint that it cannot reach (measured: squid, tinyproxy, Apache,
ncat, mitmproxy); 403 and 407 are its own will."""
_FAR_SIDE_SOCKS = frozenset({3, 4, 5, 6})
"""RFC 1928 section 6: network or host unreachable, refused, TTL expired."""


class _Group(NamedTuple):
    members: list[DropFact]
    at: Bracket
    """What their brackets have in common."""
    pairs: list[Pair]


def one_moment(case: CaseFile, claims: Claims) -> Iterator[Candidate]:
    """The moments that chance does not explain, those with most drops first."""
    free = [one for one in claims.free_drops(case) if one.fact.kind is not Kind.FOUND_DEAD]
    crowd = Crowd(free[:_MOST_DROPS])
    tries = 0
    while tries < _MOST_TRIES:
        together, at = crowd.densest()
        if len(together) < _FEWEST:
            return
        group = _scoped(case, together, at)
        if group is None:
            tries += 1
            crowd.leave(together)
        else:
            crowd.leave(group.members)
            yield _candidate(case, claims, group)


class Crowd:
    """Drops as stretches of time, and where most of them overlap."""

    def __init__(self, drops: list[DropFact]) -> None:
        self._drops = drops
        self._places = {one.number: place for place, one in enumerate(drops)}
        spans = np.array([_span(one) for one in drops], np.int64).reshape(-1, 2)
        self._lows, self._highs = spans.T
        self._order = np.argsort(np.concatenate(spans.T), kind="stable")  # begins before ends
        self._weights = np.ones(len(drops), np.int64)

    def densest(self) -> tuple[list[DropFact], Bracket]:
        """Those that most others overlap at one point of time, and what they have in common."""
        if not self._weights.any():
            return [], Bracket(0, 0)
        steps = np.concatenate((self._weights, -self._weights))[self._order]
        place = self._order[np.argmax(np.cumsum(steps))]
        at = np.concatenate((self._lows, self._highs))[place]
        here = np.flatnonzero((self._lows <= at) & (at <= self._highs) & (self._weights > 0))
        common = Bracket(int(self._lows[here].max()), int(self._highs[here].min()))
        return [self._drops[one] for one in here.tolist()], common

    def leave(self, drops: list[DropFact]) -> None:
        """These are spoken for."""
        self._weights[[self._places[one.number] for one in drops]] = 0


def _span(one: DropFact) -> Bracket:
    low, high = one.drop.moment
    if high - low > 2 * _TOGETHER_NS:
        return one.drop.moment
    return Bracket(low - _TOGETHER_NS, high + _TOGETHER_NS)


def _scoped(case: CaseFile, together: list[DropFact], at: Bracket) -> _Group | None:
    """The part of the run of which most sessions died then; None: there is none."""
    best: tuple[tuple[int, float, int], _Group] | None = None
    for pairs in _parts(case, together):
        inside = [one for one in together if one.pair in pairs]
        open_then = max(case.open_at(pairs, at.low), case.open_at(pairs, at.high), len(inside))
        share = len(inside) / open_then
        if (
            len(inside) < _FEWEST
            or share < _MOST_OF_THEM
            or _is_chance(case, inside, pairs, open_then)
        ):
            continue
        rank = (len(inside), share, -len(pairs))
        if best is None or rank > best[0]:
            best = rank, _Group(inside, at, [p for p in pairs if any(o.pair == p for o in inside)])
    return None if best is None else best[1]


def _parts(case: CaseFile, together: list[DropFact]) -> Iterator[set[Pair]]:
    hit = list(dict.fromkeys(one.pair for one in together))
    for pair in hit:
        yield {pair}
    for egress in dict.fromkeys(pair[1] for pair in hit):
        yield {pair for pair in case.pairs if pair[1] == egress}
    for endpoint in dict.fromkeys(pair[0] for pair in hit):
        yield {pair for pair in case.pairs if pair[0] == endpoint}
    yield set(case.pairs)


def _is_chance(case: CaseFile, inside: list[DropFact], pairs: set[Pair], open_then: int) -> bool:
    """Whether a steady rate of drops would strike so many of those that were open, so close.

    Heartbeats that beat together put all drops of one interval into one bracket: the rate is that
    of all drops there, these included, and each such interval had its chance.
    """
    drops = sum(len(case.drops_of.get(pair, [])) for pair in pairs)
    if len(inside) >= _ALL_OF_SO_MANY and len(inside) == drops == open_then:
        return False  # all that were open died then, none before or after: no rate is as unsteady
    rate = drops / max(case.session_time_ns(pairs), 1)
    width = max(_width(inside), _DATED_TO_NS)
    chance = binomial_tail(open_then, 1 - exp(-rate * width), len(inside))
    return chance * max(case.lives.now_ns / width, 1) > _CHANCE


def _width(inside: list[DropFact]) -> int:
    """How far apart they are: of dated ones the first from the last, else their brackets."""
    wide = [high - low for low, high in (one.drop.moment for one in inside)]
    if max(wide) > 2 * _TOGETHER_NS:
        return max(wide)
    return max(one.drop.moment.high for one in inside) - min(one.drop.moment.low for one in inside)


def _candidate(case: CaseFile, claims: Claims, group: _Group) -> Candidate:
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
        said=is_said(facts),
        unproved=tuple(_unproved(case, group)) if mechanism is Mechanism.STATE_LOST else (),
    )


def _moment(group: _Group) -> Bracket:
    """From the first to the last of announced endings; else what the brackets have in common."""
    dated = [one.drop.moment for one in group.members if one.fact.kind not in BRACKETED]
    if 2 * len(dated) > len(group.members) and not any(o.drop.is_answer for o in group.members):
        return Bracket(min(m.low for m in dated), max(m.high for m in dated))
    return common([one.drop.moment for one in group.members])


def _alive_after(moment: Bracket) -> Callable[[Life], bool]:
    def lived(life: Life) -> bool:
        proved_until = life.opened_ns + max(life.proved_age_ns, 0)
        is_dated = moment.high - moment.low <= 2 * _TOGETHER_NS
        until = life.ended_ns if is_dated else proved_until
        return life.opened_ns <= moment.low and until > moment.high

    return lived


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
    case: CaseFile, claims: Claims, group: _Group, moment: Bracket
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
    noticed = max(fact.t_ns for fact in facts)
    passed = met[FreshResult.ANSWERED] + met[FreshResult.CONNECTED] or any(
        case.opened_between(pair, moment.high, noticed + _AFTERWARDS_NS) for pair in group.pairs
    )
    return (Mechanism.STATE_LOST if passed else Mechanism.OUTAGE), set()


def _announced(
    case: CaseFile, claims: Claims, group: _Group, moment: Bracket
) -> tuple[Mechanism, set[int]]:
    """It was announced: did the endpoint say why, and does it still listen?"""
    facts = [one.fact for one in group.members]
    refused = _failures(case, claims, group, moment, _REFUSALS)
    refused = {p for p in refused if _is_of_endpoint(case.failures[p].ending)}
    if not any(case.failures[p].ending.kind is Kind.REFUSED for p in refused):
        refused = {p for p in refused if not case.failures[p].ending.intercepted}
    if refused or 2 * sum(bool(f.rules & _STOPPED) for f in facts) > len(facts):
        return Mechanism.ENDPOINT_DOWN, refused
    words = {Kind.WS_CLOSE, Kind.TLS_ALERT, Kind.TLS_CLOSE_NOTIFY}
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
    case: CaseFile, claims: Claims, group: _Group, moment: Bracket, kinds: frozenset[Kind]
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


def _found_dead(case: CaseFile, claims: Claims, group: _Group) -> set[int]:
    """Silent sessions of the same pairs that were found dead later and may have died then."""
    return {
        one.number
        for one in claims.free_drops(case)
        if one.fact.kind is Kind.FOUND_DEAD
        and one.pair in group.pairs
        and one.drop.moment.meets(group.at)
    }


def _looks_like_a_timer(group: _Group) -> bool:
    """Wide brackets and no silence survived before: a timer slower than the heartbeat fits better.

    Unless their own peer says that it knows no such connection: no idle timer of the endpoint
    forgets silently.
    """
    silences = [one.drop.silence for one in group.members]
    is_wide = group.at.high - group.at.low > 2 * _TOGETHER_NS
    strangers = sum(one.fact.is_strangers for one in group.members)
    hung = any(one.fact.kind is Kind.UNRESPONSIVE for one in group.members)
    is_idle = all(
        silence is not None and silence.high >= _SHORTEST_TIMER_NS for silence in silences
    )
    return is_wide and is_idle and not hung and 2 * strangers <= len(group.members)


def _slow_timer(case: CaseFile, group: _Group) -> Candidate:
    limit = common([one.drop.silence for one in group.members if one.drop.silence is not None])
    candidate = limit_candidate(case, Variable.IDLE, limit, group.members)
    told = "Whether silence, age or one moment ended them: all ended at their first ping."
    return replace(candidate, unproved=(told,))


def _unproved(case: CaseFile, group: _Group) -> Iterator[str]:
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
