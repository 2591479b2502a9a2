"""What a reflector recorded of a session, or of all of an egress, in words."""

from collections.abc import Iterator, Sequence

from stresser.analysis.counts.far_tally import BothEndsFigures, LossFigures
from stresser.analysis.counts.percentiles import Percentiles
from stresser.analysis.words.endings import counted
from stresser.model.ending import Kind
from stresser.model.far_end import FarEnd
from stresser.model.units import NS_PER_S, escaped, format_duration
from stresser.statistics.delay_variation import UNSURE_NS

_ENDED = {
    Kind.TCP_RESET: "met a TCP reset",
    Kind.TCP_FIN: "met a TCP FIN without close_notify",
    Kind.TLS_CLOSE_NOTIFY: "met a TLS close_notify",
    Kind.WS_CLOSE: "met a WebSocket close",
    Kind.KERNEL_TIMEOUT: "had no acknowledgement until its kernel gave up",
    Kind.PROTOCOL_ERROR: "met bytes that TLS does not allow",
    Kind.PLANNED: "closed it itself",
}


_SURE_LOST, _SURE_SHARE = 20, 0.01
"""Less than that is every path's."""
_SURE_PINGS, _SURE_NS, _MUCH = 100, 5 * UNSURE_NS, 3
"""Nor is a variation worth a sentence that is smaller, or not so many times another's."""
_MOST_SHOWN = 4


def loss_in_words(of: BothEndsFigures) -> str:
    """Loss that is worth a sentence on the first screen; empty where there is none."""
    ways = [("to the far end", of.there, of.back), ("from the far end", of.back, of.there)]
    lossy = [
        f"{one.share:.1%} of the segments {way} ({one.lost:,} of {one.sent:,}"
        f"{'' if _is_lossy(other) else f'; the other way {other.share:.1%}'})"
        for way, one, other in ways
        if _is_lossy(one)
    ]
    if not lossy:
        return ""
    return f"Through {escaped(of.egress, 40)} both ends count as lost {' and '.join(lossy)}."


def variation_in_words(ends: Sequence[BothEndsFigures]) -> Iterator[tuple[str, str]]:
    """Delays that vary in one direction through one egress, and neither back nor through another.

    What both ends' own lateness adds is in all of them. What is lost is sent again and comes late:
    of a lossy way nothing is said. Each in two lengths.
    """
    for one in ends:
        others = [other for other in ends if other is not one]
        there, back = one.varied_there, one.varied_back
        if not _is_lossy(one.there):
            controls = [(other.egress, other.varied_there) for other in others]
            yield from _varies(one.egress, ("to", "from"), there, back, controls)
        if not _is_lossy(one.back):
            controls = [(other.egress, other.varied_back) for other in others]
            yield from _varies(one.egress, ("from", "to"), back, there, controls)


def _varies(
    egress: str,
    way: tuple[str, str],
    found: Percentiles | None,
    other_way: Percentiles | None,
    controls: Sequence[tuple[str, Percentiles | None]],
) -> Iterator[tuple[str, str]]:
    steady = [(of.p90_ns, name) for name, of in controls if of and of.count >= _SURE_PINGS]
    if found is None or other_way is None or found.count < _SURE_PINGS or not steady:
        return
    control_ns, control = min(steady)
    if found.p90_ns < max(_SURE_NS, _MUCH * max(other_way.p90_ns, control_ns)):
        return
    here, there = way
    varies = f"Through {escaped(egress, 40)} delays {here} the far end vary by"
    varies += f" {format_duration(found.p90_ns)}"
    other, beside = format_duration(other_way.p90_ns), format_duration(control_ns)
    yield (
        f"{varies} ({there} it by {other}, through {escaped(control, 40)} by {beside}).",
        f"{varies}.",
    )


def _is_lossy(way: LossFigures) -> bool:
    return way.lost >= _SURE_LOST and way.share >= _SURE_SHARE


def both_ends_in_words(of: BothEndsFigures) -> Iterator[str]:
    """All that the far ends of an egress add up to, in sentences."""
    egress = escaped(of.egress, 40)
    if of.there.sent:
        yield (
            f"Through {egress} {of.there.lost:,} of {of.there.sent:,} segments with data were lost"
            f" to the far end ({of.there.share:.2%}) and {of.back.lost:,} of {of.back.sent:,}"
            f" from it ({of.back.share:.2%}), as the kernels of both ends counted them."
        )
    if of.varied_there is not None and of.varied_back is not None:
        there, back = (
            f"{format_duration(one.p90_ns)} (at most {format_duration(one.max_ns)})"
            for one in (of.varied_there, of.varied_back)
        )
        yield (
            f"Through {egress} nine in ten of {counted(of.varied_there.count, 'ping')} took up to"
            f" {there} longer to the far end than the fastest of their 20 s did, and the answers"
            f" {back}, by the clocks of both ends, whose drift may be {format_duration(UNSURE_NS)}"
            f" of it."
        )
    if of.split:
        yield (
            f"Through {egress} TCP ends in between for {counted(of.split, 'session')}: the two"
            " ends counted segments of different connections."
        )
    seen = ", ".join(escaped(one, 60) for one in of.addresses[:_MOST_SHOWN])
    more = len(of.addresses) - _MOST_SHOWN
    ports = f"{of.ports_rewritten:,} of {of.sessions:,} from another port than this host's"
    yield (
        f"The far end saw {counted(of.sessions, 'session')} through {egress} come from {seen}"
        f"{f' and {more} more' if more > 0 else ''}, {ports}."
    )
    if of.half_open_ns >= NS_PER_S:
        yield (
            f"Through {egress} one end held a session for up to"
            f" {format_duration(of.half_open_ns)} longer than the other."
        )


def far_end_in_words(far: FarEnd, ended_ns: int | None = None) -> str:
    """How it ended there and when, what had passed, and how sure the times are.

    `ended_ns`: when it ended here.
    """
    within = f"+/- {format_duration(far.within_ns)}"
    passed = f"{far.bytes_received:,} bytes came, {far.bytes_sent:,} went"
    last = [
        f"the last {what} {format_duration(at_ns)} into the run"
        for what, at_ns in (("came", far.last_in_ns), ("went", far.last_out_ns))
        if at_ns is not None
    ]
    if far.kind is None or far.at_ns is None:
        ended = f"still held it {format_duration(far.known_until_ns)} into the run"
        return f"{ended} ({within}); saw us as {escaped(far.peer, 80)}{_ways(far)}"
    what = _ENDED.get(far.kind, "met an end")
    return (
        f"{what} {format_duration(far.at_ns)} into the run ({within}){_apart(far, ended_ns)};"
        f" {passed}{''.join(f', {one}' for one in last)}; saw us as {escaped(far.peer, 80)}"
        f"{_ways(far)}"
    )


def _apart(far: FarEnd, ended_ns: int | None) -> str:
    """Which end believed for longer in the session, where the clocks can tell."""
    longer_ns = 0 if ended_ns is None else far.held_longer_ns(ended_ns)
    if ended_ns is None or far.at_ns is None or not longer_ns:
        return ""
    when = "after" if longer_ns > 0 else "before"
    return f", {format_duration(abs(far.at_ns - ended_ns))} {when} it ended here"


def _ways(far: FarEnd) -> str:
    ways = [("there", far.there), ("back", far.back)]
    said = [
        f"{one.lost:,} of {one.sent:,} segments {way}"
        for way, one in ways
        if one is not None and one.lost is not None and one.lost > 0
    ]
    lost = f"; lost {' and '.join(said)}" if said else ""
    if far.varied_there is None or far.varied_back is None:
        return lost
    most = format_duration(far.varied_there.most_ns), format_duration(far.varied_back.most_ns)
    pings = counted(far.varied_there.pings, "ping")
    return f"{lost}; {pings} took up to {most[0]} longer there than the fastest, answers {most[1]}"
