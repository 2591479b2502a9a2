"""Why an ending has its initiator, in words: the rules that decided, and what they rested on."""

from collections.abc import Iterator

from stresser.analysis.words.hop_words import walk_lines
from stresser.classify.initiator_rules import BY_NAME
from stresser.classify.reflector_rules import FAR_BY_NAME
from stresser.model.evidence import Evidence, SeenPathChange
from stresser.model.fresh_connection import FreshConnection, FreshResult
from stresser.model.units import escaped, format_duration

_MOST = 16
_LOOK_WORDS = {
    FreshResult.ANSWERED: "was answered",
    FreshResult.CONNECTED: "was accepted and not answered",
    FreshResult.ACCEPTED: "was accepted, which without TLS proves no life,",
    FreshResult.PROXY_FAILED: "did not get past the proxy",
    FreshResult.REFUSED: "was refused",
    FreshResult.SILENT: "had no answer",
    FreshResult.UNREACHABLE: "was called unreachable",
    FreshResult.CANNOT_SEND: "could not leave this host",
}


def reasons(evidence: Evidence) -> Iterator[tuple[str, str]]:
    """(what, words) for each rule that decided, each that contradicts, and what was witnessed."""
    for what, names in (("why", evidence.why), ("against", evidence.against)):
        for name in names[:_MOST]:
            rule = BY_NAME.get(name) or FAR_BY_NAME.get(name)
            says = "a rule that this version does not have" if rule is None else rule.says
            yield what, f"{escaped(name, 60)}: {says}"
    for change in evidence.path_changes:
        yield "path change", _change_words(change)
    for words in evidence.route_changes:
        yield "own route", escaped(words, 160)
    for what, alive in (("sibling", evidence.sibling), ("control", evidence.control)):
        if alive is not None:
            egress = escaped(alive.egress, 40)
            yield what, f"session {alive.session} through {egress} to the same server lived on"
    if evidence.hops is not None:
        yield from (("hops", line) for line in walk_lines(evidence.hops))
    for look in evidence.fresh_connections:
        yield "fresh connection", _look_words(look)


def _change_words(change: SeenPathChange) -> str:
    what = change.change.replace("_", " ")
    on = "" if change.interface is None else f" {escaped(change.interface, 40)}"
    tunnel = " (a tunnel)" if change.is_tunnel else ""
    more = f": {escaped(change.detail, 120)}" if change.detail else ""
    return f"{what}{on}{tunnel}{more}, {format_duration(max(0, change.t_ns))} into the run"


def _look_words(look: FreshConnection) -> str:
    remote, egress = escaped(look.remote, 80), escaped(look.egress, 80)
    after = format_duration(max(0, look.answered_ns - look.asked_ns))
    at = format_duration(max(0, look.asked_ns))
    ttl = "" if look.ttl is None else f", TTL {look.ttl}"
    met = _LOOK_WORDS[look.result]
    return (
        f"a fresh connection to {remote} through {egress}, {at} into the run, {met} after {after}"
        f"{ttl}"
    )
