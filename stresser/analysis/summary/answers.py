"""What each of the five questions is answered with: sentences, the most important first."""

from collections.abc import Iterator

from stresser.analysis.diagnosis.diagnosis import Diagnosis, Mechanism, Where, is_clean
from stresser.analysis.summary.answer import (
    ABOUT_ALL,
    TEXT_WIDTH,
    Answer,
    EgressRow,
    IsIt,
    egress_rows,
    heading_of,
    kinds_of,
    shown_rows,
    verdict_in_words,
)
from stresser.analysis.summary.mechanism_words import (
    addressed,
    grounds,
    named_causes,
    what_it_does,
)
from stresser.analysis.summary.run_figures import RunFigures
from stresser.analysis.words.endings import counted, kind_words
from stresser.analysis.words.far_end_words import loss_in_words, variation_in_words
from stresser.analysis.words.lines import NAME_WIDTH, fitted, shortened
from stresser.classify.reflector_rules import FAR_BY_NAME
from stresser.model.ending import Grade, Initiator, Kind
from stresser.model.units import escaped, format_duration

_LONG = 3
_SHORT = 2
_MOST_NAMED = 4
"""Diagnoses beside the first, and kinds."""
_PAIR = 2
_LONGEST = 1000
_WORDS = frozenset(
    {
        Kind.WS_CLOSE, Kind.TLS_CLOSE_NOTIFY, Kind.TLS_ALERT, Kind.HTTP_REFUSAL,
        Kind.MESSAGE_REFUSAL, Kind.MQTT_REFUSAL, Kind.MQTT_DISCONNECT,
    }
)  # fmt: skip
_NOT_THE_EGRESS = frozenset({Where.ENDPOINT, Where.SHARED, Where.HOST, Where.TOOL})


def answer_of(run: RunFigures) -> Answer:
    """The answer of a run."""
    rows = egress_rows(run.cohorts)
    is_egress = _is_egress(run)
    kept, more = shown_rows(rows)
    return Answer(
        heading=heading_of(run, rows),
        is_egress=is_egress,
        is_it=_text([*_is_it(run, rows, is_egress)], _SHORT),
        what=_text([*_what(run)], _LONG),
        who=_text([*_who(run, rows)], _SHORT),
        what_to_do=_text([*_what_to_do(run, rows)], _LONG),
        not_proved=_text([*_not_proved(run)], _SHORT),
        egresses=kept,
        more_egresses=more,
        verdict=verdict_in_words(run),
    )


def _text(sentences: list[str | tuple[str, ...]], lines: int) -> str:
    """Each sentence once, escaped, as many as fit; of a tuple, the first that fits."""
    once = dict.fromkeys(sentences)
    safe = [
        _safe(one) if isinstance(one, str) else tuple(_safe(other) for other in one) for one in once
    ]
    return fitted(safe, lines, TEXT_WIDTH)


def _safe(sentence: str) -> str:
    return escaped(sentence, _LONGEST)


# --- Is it the egress? -----------------------------------------------------------------------


def _is_egress(run: RunFigures) -> IsIt:
    if not run.diagnoses:
        is_quiet = not run.total.drops and not run.total.attempts_failed and run.total.sessions
        return IsIt.NOTHING if is_quiet else IsIt.UNKNOWN
    # What ended nothing stands beside what did: an interceptor that passes everything on.
    weighty = [found for found in run.diagnoses if found.drops or found.failures]
    places = {found.where for found in weighty or run.diagnoses}
    if Where.EGRESS in places:
        return IsIt.PARTLY if places & _NOT_THE_EGRESS else IsIt.YES
    return IsIt.NO if run.diagnoses[0].where in _NOT_THE_EGRESS else IsIt.UNKNOWN


def _is_it(run: RunFigures, rows: list[EgressRow], is_egress: IsIt) -> Iterator[str]:
    match is_egress:
        case IsIt.NOTHING:
            sessions = counted(run.total.sessions, "session")
            yield f"No sign of it: no drop of {sessions} through {_names(rows)}."
        case IsIt.YES | IsIt.PARTLY:
            yield from _blamed(run, rows, is_egress)
        case IsIt.NO:
            yield _elsewhere(run.diagnoses[0], rows)
            shown = sum(one.drops for one in run.diagnoses if one.where in _NOT_THE_EGRESS)
            if shown < run.total.drops:
                yield f"That is shown for {shown:,} of {counted(run.total.drops, 'drop')}."
            yield _counts(rows)
        case IsIt.UNKNOWN:
            yield f"Unknown: {_why_unknown(run, rows)}."
            if rows and (run.total.drops or run.total.attempts_failed):
                yield _counts(rows)


def _blamed(run: RunFigures, rows: list[EgressRow], is_egress: IsIt) -> Iterator[str]:
    found = [one for one in run.diagnoses if one.where is Where.EGRESS]
    found = [one for one in found if one.drops or one.failures] or found
    blamed = {escaped(one.scope.egress or "", 128) for one in found}
    ours = [row for row in rows if row.egress in blamed]
    theirs = [row for row in rows if row.egress not in blamed and row.attempts]
    word = "Yes" if is_egress is IsIt.YES else "Partly"
    counts = [_count(ours, is_first=True)] if ours else []
    if theirs:
        who = _name(theirs[0]) if len(theirs) == 1 else f"{len(theirs)} other egresses"
        counts.append(f"{who}: {_count(theirs, is_first=False)}")
    yield f"{word}: {_names(ours) if ours else 'one egress'}. {_capital('; '.join(counts))}."
    if is_egress is IsIt.PARTLY:
        drops = sum(one.drops for one in found)
        yield f"Of all {counted(run.total.drops, 'drop')}, {drops:,} are its doing."


def _elsewhere(main: Diagnosis, rows: list[EgressRow]) -> str:
    if main.where is Where.HOST:
        return "No: it is this host."
    if main.where is Where.TOOL:
        return "No: it is stresser itself."
    alike = f"{_names(rows) if len(rows) == _PAIR else 'all egresses'} are alike"
    if main.where is not Where.ENDPOINT:
        return f"No single egress: {alike}."
    if sum(row.attempts > 0 for row in rows) == 1:
        return "No: it is the endpoint's own doing."
    if _other_endpoints_lived(main):
        return f"No: {alike}, while other endpoints live."
    is_its = main.who is Initiator.ENDPOINT
    return f"No: {alike}: it is the endpoint{'' if is_its else ' or a box in front of it'}."


def _other_endpoints_lived(main: Diagnosis) -> bool:
    return main.scope.endpoint is not None and any(
        one.scope.endpoint != main.scope.endpoint and is_clean(one) for one in main.controls
    )


def _why_unknown(run: RunFigures, rows: list[EgressRow]) -> str:
    tried = [row for row in rows if row.attempts]
    if not tried:
        return "no attempt came to an end"
    if len(tried) == 1:
        return f"every session went through {_name(tried[0])}, with nothing beside it"
    if run.total.drops or not run.total.sessions:
        return "no control decides"
    return "no session dropped, but attempts failed"


def _counts(rows: list[EgressRow]) -> str:
    """Such as `direct: 40 drops of 20 sessions; vpn: 38 of 20.`."""
    named_rows = [row for row in rows if row.attempts][:_MOST_NAMED]
    parts = [
        f"{_name(row)}: {_count([row], is_first=place == 0)}"
        for place, row in enumerate(named_rows)
    ]
    return f"{'; '.join(parts)}."


def _count(rows: list[EgressRow], *, is_first: bool) -> str:
    """`79 drops of 96 sessions`, then `none of 20`; of attempts, where no session opened."""
    drops, sessions = sum(row.drops for row in rows), sum(row.sessions for row in rows)
    failed, attempts = sum(row.attempts_failed for row in rows), sum(row.attempts for row in rows)
    if drops or (sessions and not failed):
        if is_first:
            return f"{_or_no(drops, 'drop')} of {counted(sessions, 'session')}"
        return f"{drops or 'none':,} of {sessions:,}" if drops else f"none of {sessions:,}"
    return f"{failed:,} of {counted(attempts, 'attempt')} failed"


def _or_no(count: int, noun: str) -> str:
    return counted(count, noun) if count else f"no {noun}"


# --- What does it do? Who? -------------------------------------------------------------------


def _what(run: RunFigures) -> Iterator[str | tuple[str, ...]]:
    losses = (words for one in run.both_ends if (words := loss_in_words(one)))
    one_way: list[str | tuple[str, ...]] = [*losses, *variation_in_words(run.both_ends)]
    if not run.diagnoses:
        yield _seen(run)
        yield from one_way
        return
    main, *others = run.diagnoses
    yield what_it_does(main)
    if others:
        every = named_causes(others)
        names = every[:_MOST_NAMED]
        more = len(every) - len(names)
        yield (
            f"Also: {', '.join(names)}{f' and {more} more' if more else ''}.",
            f"Also: {counted(len(others), 'other cause')}; `show --full` has them.",
        )
    yield from one_way
    yield from map(_sentence, main.contrasts)
    yield from (
        _sentence(one.says) for one in main.controls if one.scope.egress == main.scope.egress
    )


def _seen(run: RunFigures) -> str:
    """Without a diagnosis: what ended, by kind."""
    total = run.total
    if total.drops:
        by_kind = sorted(kinds_of([total]), key=lambda item: -item[1])
        return f"Not explained: {', '.join(map(_kind, by_kind[:_MOST_NAMED]))}."
    if total.attempts_failed:
        first = max(total.failures, key=lambda one: one.count)
        kind = _kind((first.kind, first.count))
        return f"Not explained: {kind} in phase {first.phase} ({first.failure})."
    if total.sessions:
        return f"Nothing in {format_duration(run.elapsed_ns)}: no session dropped."
    return "Nothing was seen."


def _kind(item: tuple[str, int]) -> str:
    kind, count = item
    words = kind_words(Kind(kind), count) if kind in set(Kind) else kind
    return f"{count:,} {words}"


_UNKNOWN_WHO = {
    Where.EGRESS: "Unknown: a box behind {egress}, or the machine that {egress} reaches.",
    Where.ENDPOINT: "Unknown: the endpoint, or a box directly in front of it.",
    Where.SHARED: "Unknown: the endpoint, or a box that all egresses share.",
}


def _who(run: RunFigures, rows: list[EgressRow]) -> Iterator[str | tuple[str, ...]]:
    total = run.total
    if not run.diagnoses:
        is_quiet = total.sessions and not total.drops and not total.attempts_failed
        yield "No one: no session was ended." if is_quiet else "Unknown."
        return
    main = run.diagnoses[0]
    egress = shortened(main.scope.egress or "the egress", NAME_WIDTH)
    match main.who:
        case Initiator.MIDDLEBOX | Initiator.ENDPOINT if _seen_by_both(main):
            log = f"; its own log has the same {_logged(main)}" if main.by_log else ""
            box = "The middlebox" if main.by_log else f"A middlebox behind {egress}"
            name = box if main.who is Initiator.MIDDLEBOX else "The endpoint"
            yield f"{name}: {_seen_by_both(main)}{log}."
        case Initiator.MIDDLEBOX if main.by_log:
            yield f"The middlebox: its own log has the same {_logged(main)}."
        case Initiator.MIDDLEBOX if main.hop is not None and main.hop.alone:
            what = "ClientHellos" if main.hop.hello else "flows"
            yield (
                f"A middlebox behind {egress}: {what} stop {main.hop.place}, where others pass.",
                f"A middlebox: {what} stop {main.hop.place}, others pass.",
            )
        case Initiator.MIDDLEBOX:
            yield f"A middlebox behind {egress}: {_grounds(main, rows)}."
        case Initiator.ENDPOINT:
            yield f"The endpoint: {_grounds(main, rows)}."
        case Initiator.HOST:
            yield "This host."
        case Initiator.TOOL:
            yield "stresser itself."
        case _:
            yield _UNKNOWN_WHO.get(main.where, "Unknown.").format(egress=egress)
            if main.hop is not None:
                is_all = main.hop.is_agreed and not main.hop.alone
                yield main.hop.says, f"{'All' if is_all else 'Some'} stop {main.hop.place}."


def _seen_by_both(main: Diagnosis) -> str:
    """What a reflector's account adds, where it names the same one; empty where it does not."""
    for rule, number in main.by_both_ends.items():
        found = FAR_BY_NAME.get(rule)
        if found is not None and found.initiator is main.who:
            return f"{found.both} ({number:,} of {counted(main.drops, 'drop')})"
    return ""


def _logged(main: Diagnosis) -> str:
    """`79 TCP resets`."""
    if len(main.kinds) == 1:
        [(kind, count)] = main.kinds.items()
        return f"{count:,} {kind_words(Kind(kind), count)}"
    return f"{main.drops:,} endings"


def _grounds(main: Diagnosis, rows: list[EgressRow]) -> str:
    """What its grade rests on."""
    others = [row for row in rows if row.egress != main.scope.egress and row.sessions]
    if main.grade is Grade.COMPARISON and main.where is Where.EGRESS and len(others) == 1:
        return f"sessions like them lived through {_name(others[0])}"
    if main.who is Initiator.ENDPOINT and main.mechanism is Mechanism.PING_INTOLERANCE:
        return "no one else sees a ping under TLS"
    said = sum(main.kinds.get(kind, 0) for kind in _WORDS)
    is_own = main.who is Initiator.ENDPOINT and 2 * said > sum(main.kinds.values())
    if is_own and main.grade is not Grade.PACKET:
        return "it said so itself"
    words = grounds(main)
    return f"{words} {'show' if words.endswith('s') else 'shows'} it"


# --- What to do. Not proved. -----------------------------------------------------------------


def _what_to_do(run: RunFigures, rows: list[EgressRow]) -> Iterator[str]:
    total = run.total
    yield from (_sentence(addressed(found.ask)) for found in run.diagnoses)
    if run.diagnoses:
        return
    if not total.attempts:
        yield "See what `stresser doctor` and the run's stresser.log say, and run it again."
    elif not total.drops and not total.attempts_failed:
        yield f"Nothing. Sessions held longer than {_longest_held(run)} find slower limits."
    elif len(rows) == 1:
        yield "Hold the same endpoints through a second egress: it shows where the cause is."
    else:
        yield "Hold more sessions for longer, silent ones beside ones that ping."


def _not_proved(run: RunFigures) -> Iterator[str]:
    yield from (_sentence(doubt) for doubt in run.doubts)
    yield from run.near_limits[:1]
    for found in run.diagnoses:
        yield from (_sentence(one) for one in found.unproved)
        yield from (f"Against it: {_sentence(one)}" for one in found.against)
    left = run.total.drops - sum(found.drops for found in run.diagnoses)
    if run.diagnoses and left > 0:
        yield f"What ended {counted(left, 'other drop')}."
    unproved = run.total.unproved
    if unproved and not any(found.unproved for found in run.diagnoses):
        yield f"Whether {counted(unproved, 'silent session')} lived (nothing came back at the end)."
    yield f"Limits slower than {_longest_held(run)}: no session was held longer."


def _longest_held(run: RunFigures) -> str:
    """Of limits beyond, this run knows nothing: no session of it was open any longer."""
    # One that was open all the time opened a moment after the run began.
    is_whole = not 0 < run.longest_held_ns < ABOUT_ALL * run.elapsed_ns
    return format_duration(run.elapsed_ns if is_whole else run.longest_held_ns)


def _sentence(text: str) -> str:
    return f"{_capital(text.strip().rstrip('.'))}."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _name(row: EgressRow) -> str:
    return shortened(row.egress, NAME_WIDTH)


def _names(rows: list[EgressRow]) -> str:
    """`direct`, `direct and vpn`, `5 egresses`."""
    if len(rows) > _PAIR:
        return f"{len(rows)} egresses"
    return " and ".join(map(_name, rows)) or "any egress"
