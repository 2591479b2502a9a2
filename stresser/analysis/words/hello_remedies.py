"""What to ask whom where ClientHellos that differ in one thing each have shown what decides.

`check` alone tries such (`analysis/checkup/hello_reading.py`). That a box like one of those that
are known stands there, nothing shows.
"""

from stresser.analysis.words.obstacles import Obstacle
from stresser.analysis.words.remedy_row import Addressee, RemedyRow

_O, _NETWORK = Obstacle, Addressee.NETWORK
_CLAMP = (
    "Clamp the MSS{to_mss} on the path to {hosts}, whose MTU is smaller than its ends believe, or"
    " let ICMP 'fragmentation needed' (IPv6: 'packet too big') through."
)
_WHICH = "Which box it is: another egress, or a capture on both sides of one, shows it."
HELLO_ROWS: tuple[RemedyRow, ...] = (
    RemedyRow(
        _O.NAME_DECIDES,
        "a ClientHello with the endpoint's name had no answer, and the very same one with another"
        " name had",
        _NETWORK, "Let {hosts} pass the filter ({sent}).", unproved=_WHICH,
    ),
    RemedyRow(
        _O.ONE_SEGMENT_READ,
        "ClientHellos of one segment were answered, and of several none, whatever their length:"
        " only the first packet is read",
        _NETWORK, "Let ClientHellos in several segments pass to {hosts}.",
        first="Browsers since 2024, Go 1.24 and OpenSSL 3.5 send such.", unproved=_WHICH,
    ),
    RemedyRow(
        _O.NAME_BEHIND,
        "ClientHellos were answered where their name stands in the first segment, and not where it"
        " stands in the second: only the first packet is read",
        _NETWORK, "Look for the name in all of a ClientHello to {hosts}, not in its first packet.",
        first="OpenSSL 4 sends it last.", unproved=_WHICH,
    ),
    RemedyRow(
        _O.LONG_HELLOS_LOST,
        "ClientHellos of a few hundred bytes were answered in one segment and in several, and long"
        " ones not",
        _NETWORK, "Let ClientHellos of 2,000 bytes pass to {hosts}.",
        first="Browsers since 2024, Go 1.24 and OpenSSL 3.5 send such.", unproved=_WHICH,
    ),
    RemedyRow(
        _O.ML_KEM_FILTERED,
        "ClientHellos with an ML-KEM key share had no good answer, and without one as long had",
        _NETWORK, "Let ClientHellos with the key share X25519MLKEM768 pass to {hosts}.",
        first='hello = "classic" gets through meanwhile.', unproved=_WHICH,
    ),
    RemedyRow(
        _O.TLS_1_3_FILTERED,
        "ClientHellos that offer TLS 1.2 alone were answered, and none that offers TLS 1.3",
        _NETWORK, "Let ClientHellos that offer TLS 1.3 pass to {hosts}.",
        first='tls_version = "1.2" gets through meanwhile.', unproved=_WHICH,
    ),
    RemedyRow(
        _O.BIG_HELLOS_LOST,
        "big packets towards the endpoint were lost: long ClientHellos were answered in small"
        " segments alone",
        _NETWORK, _CLAMP, unproved="On which link: a walk with packets of that size shows it.",
    ),
    RemedyRow(
        _O.BIG_ANSWERS_LOST,
        "big packets of the answer were lost: it came where it was asked for in small segments",
        _NETWORK, _CLAMP, unproved="On which link: a walk with packets of that size shows it.",
    ),
)  # fmt: skip

_READ_ONCE = (
    "known to judge a ClientHello by its first packet: PAN-OS where it discards partial ones (debug"
    " proxy discard-partial-client-hello), proxies that look once (caddy-l4 before its pull request"
    " 346, sslsplit before 342); public report: https://tldr.fail"
)
KNOWN_BOXES = {
    _O.ONE_SEGMENT_READ: _READ_ONCE,
    _O.NAME_BEHIND: _READ_ONCE,
    _O.LONG_HELLOS_LOST: _READ_ONCE,
    _O.ML_KEM_FILTERED: "known for it: FortiGate's flow-based inspection with IPS engines of 2024,"
    " which answers by alert 47 (Fortinet's technical tip 357555); public report:"
    " https://tldr.fail",
}
"""Products that do likewise, and where that is written. No proof that one of them is there."""
