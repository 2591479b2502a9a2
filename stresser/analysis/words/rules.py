"""Why an ending has its initiator, in words: the rules that decided, and what they rested on.

Read back from a file: what is not of the expected shape is as if it were not there.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from stresser.classify.initiator_rules import BY_NAME
from stresser.model.fresh_connection import LookResult
from stresser.model.units import escaped, format_duration

NOT_AS_RAW = frozenset(
    {"why", "against", "looks", "neighbour", "packets", "path_changes", "provenance"}
)
"""Keys of the evidence that are told in words instead."""
_MOST = 16
_LOOK_WORDS = {
    LookResult.ANSWERED: "was answered",
    LookResult.CONNECTED: "was accepted and not answered",
    LookResult.PROXY_FAILED: "did not get past the proxy",
    LookResult.REFUSED: "was refused",
    LookResult.SILENT: "had no answer",
    LookResult.UNREACHABLE: "was called unreachable",
    LookResult.NO_WAY_OUT: "could not leave this host",
}


def reasons(evidence: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(what, words) for each rule that decided, each that contradicts, and each second look."""
    for what in ("why", "against"):
        for name in _texts(evidence.get(what)):
            rule = BY_NAME.get(name)
            says = "a rule that this version does not have" if rule is None else rule.says
            yield what, f"{escaped(name, 60)}: {says}"
    for change in _mappings(evidence.get("path_changes")):
        yield "path change", _change_words(change)
    alive = evidence.get("neighbour")
    if isinstance(alive, Mapping):
        session, egress = (escaped(str(alive.get(key, "?")), 40) for key in ("session", "egress"))
        yield "neighbour", f"session {session} through {egress} to the same server lived on"
    for look in _mappings(evidence.get("looks")):
        yield "second look", _look_words(look)


def _mappings(value: Any) -> Iterator[Mapping[str, Any]]:
    for one in value[:_MOST] if isinstance(value, list) else ():
        if isinstance(one, Mapping):
            yield one


def _change_words(change: Mapping[str, Any]) -> str:
    what = escaped(str(change.get("change", "?")), 40).replace("_", " ")
    interface, detail = change.get("interface"), change.get("detail")
    on = f" {escaped(interface, 40)}" if isinstance(interface, str) else ""
    tunnel = " (a tunnel)" if change.get("is_tunnel") is True else ""
    more = f": {escaped(detail, 120)}" if isinstance(detail, str) and detail else ""
    t_ns = change.get("t_ns")
    at = f", {format_duration(max(0, t_ns))} into the run" if isinstance(t_ns, int) else ""
    return f"{what}{on}{tunnel}{more}{at}"


def _look_words(look: Mapping[str, Any]) -> str:
    try:
        met = _LOOK_WORDS[LookResult(str(look.get("result")))]
    except ValueError:
        met = "met something that this version does not know"
    remote, egress = (escaped(str(look.get(key, "?")), 80) for key in ("remote", "egress"))
    asked, answered = look.get("asked_ns"), look.get("answered_ns")
    after, at = "", ""
    if isinstance(asked, int) and isinstance(answered, int):
        after = f" after {format_duration(max(0, answered - asked))}"
        at = f", {format_duration(max(0, asked))} into the run,"
    ttl = f", TTL {look['ttl']}" if isinstance(look.get("ttl"), int) else ""
    return f"a fresh connection to {remote} through {egress}{at} {met}{after}{ttl}"


def _texts(value: Any) -> list[str]:
    return (
        [text for text in value[:_MOST] if isinstance(text, str)] if isinstance(value, list) else []
    )
