"""What became of what a handshake sent and had no good answer to, by the kernel's own account.

An acknowledged ClientHello whose answer is missing speaks for the size of the answer's packets, a
hello that was never acknowledged, or that was met by a cut, for what the hello says.
"""

from enum import StrEnum

from stresser.analysis.words.endings import counted
from stresser.model.client_hello import HelloSent
from stresser.model.ending import Ending, Kind, Phase
from stresser.model.evidence import TcpInfo

_SYN = 1
"""`bytes_acked` counts it."""
_LOST = frozenset({Kind.TIMEOUT, Kind.SILENCE, Kind.KERNEL_TIMEOUT})
_CUT = frozenset({Kind.TCP_RESET, Kind.TCP_FIN, Kind.TLS_CLOSE_NOTIFY})


class HelloFate(StrEnum):
    """The end of a handshake's last question: a ClientHello, a WebSocket's upgrade."""

    ANSWER_TORN = "answer_torn"
    """It was acknowledged; parts of the answer came, and one before them is missing."""
    ANSWER_MISSING = "answer_missing"
    """It was acknowledged; no byte of an answer came, or its beginning and no more."""
    UNACKNOWLEDGED = "unacknowledged"
    """It was not acknowledged."""
    CUT = "cut"
    """The connection was ended as it came."""
    UNKNOWN = "unknown"
    """This kernel does not say."""


def hello_in_words(hello: HelloSent) -> str:
    """`1,557 bytes in 2 segments`."""
    segments = "" if hello.segments is None else f" in {counted(hello.segments, 'segment')}"
    return f"{hello.size:,} bytes{segments}"


def hello_fate(ending: Ending) -> HelloFate | None:
    """What became of it; None: the attempt did not stop there, or had an answer to judge."""
    if ending.phase not in _ASKED:
        return None
    if ending.kind in _CUT:
        return HelloFate.CUT
    if ending.kind not in _LOST:
        return None
    info = ending.evidence.tcp_info
    return HelloFate.UNKNOWN if info is None else _lost(info)


def _lost(info: TcpInfo) -> HelloFate:
    if info.unacked or (info.bytes_acked is not None and info.bytes_acked <= _SYN):
        return HelloFate.UNACKNOWLEDGED
    if info.out_of_order or (info.data_segments_received and not info.bytes_received):
        return HelloFate.ANSWER_TORN
    return HelloFate.ANSWER_MISSING


def fate_words(ending: Ending) -> str | None:
    """The same as evidence, with the kernel's figures; None: it has none."""
    info, fate = ending.evidence.tcp_info, hello_fate(ending)
    if info is None or fate not in _WORDS:
        return None
    torn = f", {info.out_of_order:,} segments behind a gap" if info.out_of_order else ""
    said = f"the {_ASKED[ending.phase]} was {_WORDS[fate]}"
    return f"{said} (TCP_INFO: {info.bytes_received or 0:,} bytes received{torn})"


_ASKED = {Phase.TLS: "ClientHello", Phase.UPGRADE: "WebSocket upgrade", Phase.OPEN: "first message"}
_WORDS: dict[HelloFate | None, str] = {
    HelloFate.ANSWER_TORN: "acknowledged, its answer came in part",
    HelloFate.ANSWER_MISSING: "acknowledged, its answer did not come",
    HelloFate.UNACKNOWLEDGED: "never acknowledged",
}
