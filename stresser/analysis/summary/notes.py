"""What a reader of a run's figures must know besides them: sentences that judge no one."""

from collections.abc import Iterator, Sequence

from stresser.analysis.chains.accusations import OTHER_STACKS
from stresser.analysis.counts.far_tally import BothEndsFigures
from stresser.analysis.counts.plan_facts import PlanFacts
from stresser.analysis.counts.run_tally import Tally
from stresser.analysis.words.endings import counted, worker_end_words
from stresser.analysis.words.far_end_words import both_ends_in_words
from stresser.analysis.words.hop_words import change_words, path_words
from stresser.analysis.words.path_changes import at_clock_time, path_change_in_words
from stresser.analysis.words.proxy_choices import change_of_proxy_words
from stresser.analysis.words.site_words import sites_in_words
from stresser.model.unfit import UnfitCause
from stresser.model.units import NS_PER_S, escaped, format_duration
from stresser.scenario.pac_answer import DIRECT, said_words

_MOST_NAMES = 20
_MOST_PATH_CHANGES = 4
_MOST_FLOODS = 4
_MOST_PATHS = 4
_MOST_PROXIES = 4
_MOST_WORKERS = 4
_FLOOD_NS = NS_PER_S
"""Short bursts are everybody's: they change no figure by more than a sample."""
_CAUSES = {
    UnfitCause.GC: "collecting garbage",
    UnfitCause.BUSY: "busy with its own work",
    UnfitCause.STARVED: "without a CPU",
    UnfitCause.STOPPED: "stopped by this host",
    UnfitCause.SUSPENDED: "suspended",
}


def run_notes(
    tally: Tally, plan: PlanFacts, both_ends: Sequence[BothEndsFigures] = ()
) -> list[str]:
    """The notes of a run, the most surprising ones first."""
    return [
        *_resumed(tally),
        *_workers(tally),
        *_chains(tally),
        *_other_stacks(tally, plan),
        *_path(tally),
        *_proxies(tally),
        *map(sites_in_words, tally.sites.in_doubt()),
        *_muted(tally, plan),
        *_merely_accepted(tally, plan),
        *_unproved(tally),
        *_floods(tally),
        *_clocks(tally),
        *_witness_gaps(tally),
        *_gaps(tally),
        *_hops(tally),
        *(words for one in both_ends for words in both_ends_in_words(one)),
    ]


def _resumed(tally: Tally) -> Iterator[str]:
    if not tally.resumptions:
        return
    cut_off = sum(figures.cut_off for figures in tally.cohorts.values())
    last = tally.resumed[-1]
    times = "once" if tally.resumptions == 1 else counted(tally.resumptions, "time")
    yield (
        f"The run was resumed {times}, last at {escaped(last.utc, 40)} (before that:"
        f" {escaped(last.why, 80)}); between its parts it did not run for"
        f" {format_duration(tally.gaps_ns)}, which no figure counts."
        f" {counted(cut_off, 'session')} open at the end of a part count until then: how they"
        " ended is not known."
    )


def _workers(tally: Tally) -> Iterator[str]:
    for event in tally.first_workers_ended[:_MOST_WORKERS]:
        held = "it held no session"
        if event.sessions:
            which = "session" if event.sessions == 1 else "sessions"
            held = f"its {event.sessions:,} {which} ended there, which is no drop"
        yield f"{worker_end_words(event)} at {escaped(event.utc, 40)}; {held}."
    more = tally.workers_ended - _MOST_WORKERS
    if more > 0:
        yield f"{counted(more, 'more worker')} died, too: their sessions' ends are no drops either."


def _chains(tally: Tally) -> Iterator[str]:
    unverified = [chain for chain in tally.chains.values() if not chain.verified]
    for chain in unverified[:_MOST_NAMES]:
        endpoint, egress = escaped(chain.endpoint, 40), escaped(chain.egress, 40)
        problem = escaped(chain.problem or "no reason recorded", 160)
        yield f"The certificate chain of {endpoint} through {egress} does not verify: {problem}."
    if len(unverified) > _MOST_NAMES:
        yield f"{len(unverified) - _MOST_NAMES} more chains do not verify."


def _path(tally: Tally) -> Iterator[str]:
    told = tally.first_path_changes
    if not told:
        return
    shown = [
        f"{path_change_in_words(event)} {at_clock_time(event)}"
        for event in told[:_MOST_PATH_CHANGES]
    ]
    more = ", ..." if len(told) > len(shown) else "."
    yield f"{counted(tally.path_changes, 'path change')} of this host: {'; '.join(shown)}{more}"


def _proxies(tally: Tally) -> Iterator[str]:
    """Which proxies PAC files named, and when sessions took another of them."""
    alike: dict[str, list[str]] = {}
    for chosen in tally.proxies.at_first.values():
        said = said_words(chosen.source, chosen.answer, chosen.without_pac)
        words = f"{said}, so sessions through {escaped(chosen.egress, 40)} go"
        to = "directly" if chosen.chosen == DIRECT else f"through {escaped(chosen.chosen, 100)}"
        alike.setdefault(f"{words} {to}", []).append(escaped(chosen.endpoint, 40))
    for words, endpoints in list(alike.items())[:_MOST_PROXIES]:
        more = ", ..." if len(endpoints) > _MOST_NAMES else ""
        yield f"{words} ({', '.join(endpoints[:_MOST_NAMES])}{more})."
    told = tally.proxies.first_changes[:_MOST_PROXIES]
    for event in told:
        pair = f"{escaped(event.endpoint, 40)} through {escaped(event.egress, 40)}"
        yield f"At {escaped(event.utc, 40)}, {pair}: {change_of_proxy_words(event)}."
    if tally.proxies.changes > len(told):
        more = counted(tally.proxies.changes - len(told), "more change")
        yield f"{more} of proxy are in `events.jsonl`."


def _hops(tally: Tally) -> Iterator[str]:
    """The paths that healthy sessions were seen to take; those that changed first."""
    paths = sorted(tally.hops.values(), key=lambda seen: not seen[-1].before)
    for first, *changes in paths[:_MOST_PATHS]:
        place = f"{escaped(first.endpoint, 40)} through {escaped(first.egress, 40)}"
        to = "" if first.proxy is None else ", to the proxy,"
        yield f"Flows to {place}{to} pass {path_words(first.hops)}."
        for event in changes:
            yield f"That path changed, of session {event.session} {change_words(event)}."
    if len(paths) > _MOST_PATHS:
        yield f"{counted(len(paths) - _MOST_PATHS, 'more path')} are in `events.jsonl`."


def _other_stacks(tally: Tally, plan: PlanFacts) -> Iterator[str]:
    """Where it can matter: of the lab's endpoints everybody knows who answers."""
    pairs = tally.served.pairs.items()
    if any(
        figures.intercepted or (figures.judged and w.endpoint in plan.hosts) for w, figures in pairs
    ):
        yield OTHER_STACKS


def _muted(tally: Tally, plan: PlanFacts) -> Iterator[str]:
    endpoints = sorted({cohort.endpoint for cohort in tally.cohorts if plan.is_muted(cohort)})
    if endpoints:
        names = ", ".join(escaped(name, 40) for name in endpoints[:_MOST_NAMES])
        yield (
            f"Without WebSocket there are no pings: sessions to {names} are held silent, whatever"
            " their activity."
        )


def _merely_accepted(tally: Tally, plan: PlanFacts) -> Iterator[str]:
    opened = {cohort.endpoint for cohort, one in tally.cohorts.items() if one.opened}
    endpoints = sorted({one.endpoint for one in tally.cohorts if plan.is_merely_accepted(one)})
    names = [escaped(name, 40) for name in endpoints if name in opened][:_MOST_NAMES]
    if names:
        yield (
            f"Sessions to {', '.join(names)} are TCP alone: that they opened and lived shows that"
            " somebody accepted them, as SYN proxies and load balancers do for a dead server, too."
        )


def _unproved(tally: Tally) -> Iterator[str]:
    unproved = sum(figures.unproved for figures in tally.cohorts.values())
    if unproved:
        yield (
            f"{counted(unproved, 'session')} sent nothing while held, and nothing came back at the"
            " planned end: whether they lived until then is not proved."
        )


def _floods(tally: Tally) -> Iterator[str]:
    floods = [
        (cohort, one) for cohort, one in tally.cohorts.items() if one.held_back_ns >= _FLOOD_NS
    ]
    floods.sort(key=lambda flood: -flood[1].held_back_ns)
    for cohort, figures in floods[:_MOST_FLOODS]:
        endpoint, egress = escaped(cohort.endpoint, 40), escaped(cohort.egress, 40)
        yield (
            f"{endpoint} through {egress} sent more than a session's share: stresser read"
            f" {counted(figures.held_back, 'session')} in turn with others, and left"
            f" them unread for {format_duration(figures.held_back_ns)} in all; round trips of that"
            " time are left out."
        )
    if len(floods) > _MOST_FLOODS:
        more = len(floods) - _MOST_FLOODS
        yield f"The same goes for {counted(more, 'more cohort')}."


def _clocks(tally: Tally) -> Iterator[str]:
    if tally.clock_steps:
        total = format_duration(tally.clock_stepped_ns)
        times = counted(tally.clock_steps, "time")
        yield f"The wall clock was set {times}, {total} in all; recorded times do not follow it."
    if tally.late:
        times, worst = counted(tally.late, "time"), format_duration(tally.latest_ns)
        why = _late_causes(tally)
        yield f"stresser was late {times}{why}, by {worst} at worst: times then are upper bounds."


def _late_causes(tally: Tally) -> str:
    causes = [
        f"{words} {counted(tally.late_causes[cause], 'time')}"
        for cause, words in _CAUSES.items()
        if tally.late_causes[cause]
    ]
    return f" ({', '.join(causes)})" if causes else ""


def _witness_gaps(tally: Tally) -> Iterator[str]:
    for witness, detail in tally.witness_gaps.items():
        yield f"The witness of {escaped(witness, 40)} did not see all: {escaped(detail, 200)}."


def _gaps(tally: Tally) -> Iterator[str]:
    unmatched = sum(figures.unmatched_endings for figures in tally.cohorts.values())
    if unmatched:
        yield f"The record lacks the opening of {counted(unmatched, 'session')} that ended."
    if tally.uncounted_events:
        events = counted(tally.uncounted_events, "event")
        yield f"{events} belong to more cohorts than stresser counts; no figure has them."
