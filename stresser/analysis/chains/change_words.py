"""Differences between chains in plain words: what differs, with no conclusion beyond it."""

from stresser.analysis.chains.changes import ChainChange, ChainKind, ChangeKind
from stresser.analysis.words.endings import counted
from stresser.model.units import escaped, format_duration

_MOST_KINDS = 4
_MOST_EGRESSES = 6
_ONE_OF_MANY = "as the servers of one service do; by itself it shows no interception"


def change_in_words(change: ChainChange) -> str:
    """One sentence, escaped."""
    endpoint, egresses = _shown(change.endpoint), list(map(_shown, change.egresses))
    kinds = list(map(_kind, change.kinds))
    match change.kind:
        case ChangeKind.BY_EGRESS:
            parts = [f"through {one} {kind}" for one, kind in zip(egresses, kinds, strict=True)]
            shown = "; ".join(parts[:_MOST_EGRESSES])
            return f"The chain of {endpoint} differs by egress: {shown}."
        case ChangeKind.KEYS_BY_EGRESS:
            names = ", ".join(egresses[:_MOST_EGRESSES])
            return (
                f"{endpoint} shows other keys by egress ({names}), all {kinds[0]}: {_ONE_OF_MANY}."
            )
    more = f" (and {change.more:,} handshakes with yet others)" if change.more else ""
    where = f"The chain of {endpoint} through {egresses[0]}"
    if change.kind is ChangeKind.VERSIONS:
        keys = "with one key" if change.keys == 1 else f"with {change.keys} different keys"
        versions = f"{where} came in {change.versions} versions{more}"
        return f"{versions}, all {kinds[0]}, {keys}: {_ONE_OF_MANY}."
    return f"{where} {_changed(change, kinds)}{more}."


def _changed(change: ChainChange, kinds: list[str]) -> str:
    """`changed, first seen 12 m into the run: ...`, or that several kinds came in turn."""
    parts = [
        f"{kind} in {counted(count, 'handshake')}"
        for kind, count in zip(kinds, change.handshakes, strict=True)
    ]
    if change.kind is ChangeKind.SINCE:
        since = format_duration(change.since_ns)
        return f"changed, first seen {since} into the run: before {parts[0]}, since then {parts[1]}"
    rest = len(parts) - _MOST_KINDS
    shown = "; ".join(parts[:_MOST_KINDS]) + (f"; {rest} more" if rest > 0 else "")
    return f"was not always of one kind, in turn: {shown}"


def _kind(kind: ChainKind) -> str:
    timestamps = "with SCTs" if kind.has_scts else "without SCTs"
    verdict = kind.verdict.replace("_", " and ")
    return f"{verdict}, issued by {escaped(kind.source, 80)}, {timestamps}"


def _shown(name: str) -> str:
    return escaped(name, 40)
