"""What a reflector recorded of a session, in words."""

from stresser.model.ending import Kind
from stresser.model.far_end import FarEnd
from stresser.model.units import escaped, format_duration

_ENDED = {
    Kind.TCP_RESET: "met a TCP reset",
    Kind.TCP_FIN: "met a TCP FIN without close_notify",
    Kind.TLS_CLOSE_NOTIFY: "met a TLS close_notify",
    Kind.WS_CLOSE: "met a WebSocket close",
    Kind.KERNEL_TIMEOUT: "had no acknowledgement until its kernel gave up",
    Kind.PROTOCOL_ERROR: "met bytes that TLS does not allow",
    Kind.PLANNED: "closed it itself",
}


def far_end_in_words(far: FarEnd) -> str:
    """How it ended there and when, what had passed, and how sure the times are."""
    within = f"+/- {format_duration(far.within_ns)}"
    passed = f"{far.bytes_received:,} bytes came, {far.bytes_sent:,} went"
    last = [
        f"the last {what} {format_duration(at_ns)} into the run"
        for what, at_ns in (("came", far.last_in_ns), ("went", far.last_out_ns))
        if at_ns is not None
    ]
    if far.kind is None or far.at_ns is None:
        ended = f"still held it {format_duration(far.known_until_ns)} into the run"
        return f"{ended} ({within}); saw us as {escaped(far.peer, 80)}"
    what = _ENDED.get(Kind(far.kind), "met an end") if far.kind in set(Kind) else "met an end"
    return (
        f"{what} {format_duration(far.at_ns)} into the run ({within}); {passed}"
        f"{''.join(f', {one}' for one in last)}; saw us as {escaped(far.peer, 80)}"
    )
