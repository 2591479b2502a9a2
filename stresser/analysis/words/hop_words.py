"""Hops in plain words: the path of a flow, and where a flow or a ClientHello stops."""

from collections.abc import Iterator, Sequence

from stresser.model.events import HopsSeen
from stresser.model.hops import Hop, HopReading, HopWalk, StoppedBy
from stresser.model.units import escaped

_LONGEST_ADDRESS = 64
_MOST_SHOWN = 12
_HELLO_WORDS = {
    StoppedBy.RESET: "is reset",
    StoppedBy.FIN: "is hung up on",
    StoppedBy.SILENCE: "is dropped",
}


def path_words(hops: Sequence[Hop]) -> str:
    """`3 hops: 198.51.100.1, silent, 203.0.113.5`."""
    if not hops:
        return "no hops"
    shown = [_address(hop) for hop in hops[:_MOST_SHOWN]]
    more = ", ..." if len(hops) > len(shown) else ""
    return f"{len(hops)} hop{'s' * (len(hops) != 1)}: {', '.join(shown)}{more}"


def change_words(event: HopsSeen) -> str:
    """`hop 2 of session 7: 203.0.113.1 -> 203.0.113.9`; nothing where the path is new."""
    was = {hop.number: hop.address for hop in event.before}
    changed = [
        f"hop {hop.number}: {was[hop.number]} -> {hop.address}"
        for hop in event.hops
        if None not in (was.get(hop.number), hop.address) and was[hop.number] != hop.address
    ]
    return escaped("; ".join(changed[:_MOST_SHOWN]), 300)


def walk_lines(walk: HopWalk) -> Iterator[str]:
    """What a walk shows, then what it rests on."""
    yield walk_words(walk)
    if walk.flow:
        yield f"{'the ClientHello' if walk.hello else 'this flow'} reached {_numbered(walk.flow)}"
    if walk.fresh:
        yield f"new connections ({walk.connections}) reached {_numbered(walk.fresh)}"
    if walk.before:
        yield f"while healthy, it or another like it passed {path_words(walk.before)}"


def walk_words(walk: HopWalk) -> str:
    """One sentence without its full stop."""
    after = "before the first hop" if walk.last is None else f"after {hop_name(walk.last)}"
    to = " on its path to the proxy" if walk.to_proxy else ""
    many = "; paths differ from flow to flow here" if walk.many_paths else ""
    what = "this flow" if walk.hello is None else "the ClientHello"
    if walk.hello in _HELLO_WORDS:
        return f"the ClientHello {_HELLO_WORDS[walk.hello]} {after}{to}; {_others(walk)}{many}"
    if walk.reading is HopReading.STOPS_ALONE:
        return f"{what} stops {after}{to}; {_others(walk)}{many}"
    if walk.reading is HopReading.STOPS_LIKE_ALL:
        beyond = "" if walk.next is None else f"; {hop_name(walk.next)} answered it before"
        return f"nothing passes {after}{to} any more, new connections neither{beyond}"
    if walk.reading is HopReading.PASSES:
        reached = "no hop" if walk.last is None else hop_name(walk.last)
        return f"{what} reaches {reached}, the last that is known to answer{to}"
    return f"where {what} stops is not known{to}{many}"


def _others(walk: HopWalk) -> str:
    what = "an empty segment of the same connection" if walk.hello else "a new one"
    return f"{what} passes it" + ("" if walk.next is None else f", to {hop_name(walk.next)}")


def hop_name(hop: Hop) -> str:
    """`hop 2 (203.0.113.1)`."""
    return f"hop {hop.number} ({_address(hop)})"


def _numbered(hops: Sequence[Hop]) -> str:
    shown = [f"{hop.number} {_address(hop)}" for hop in hops[:_MOST_SHOWN]]
    return f"hop{'s' * (len(hops) != 1)} {', '.join(shown)}"


def _address(hop: Hop) -> str:
    return "silent" if hop.address is None else escaped(hop.address, _LONGEST_ADDRESS)
