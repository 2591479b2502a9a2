"""The behaviours a lab endpoint can be asked for, and how a lab URL asks for them.

`lab+SCHEME://BEHAVIOUR[/ARGUMENT]`, where ARGUMENT is `VALUE`, `@WHEN` or `VALUE@WHEN`.
WHEN is a duration since the session was established (`5s`; default `200ms`), or
`lab+DURATION`: that long after the lab started, for all sessions that are open then
(sessions opened later live on). Where a behaviour takes no value, WHEN needs no `@`:
`reset/5s`. Only behaviours of the phase `held` take WHEN.
Rates are messages a second; a pause is the time between two bytes.

  behaviour                for   VALUE (default)            what the endpoint does
  echo                     both                             echoes, answers pings
  push                     both  rate (1)                   the same, and sends messages
  hub                      wss   pause (15s)                as a SignalR hub: wants its handshake,
                                                            answers invocations, pings
  reflect                  both                             as `stresser reflect`: tells the run
                                                            what it saw of each session

In phase connect:
  refused                  both                             no listener: RST to the SYN
  blackhole-connect        both                             SYNs are dropped
  reset-on-accept          both                             RST at the first byte, or after 200 ms
  fin-on-accept            both                             FIN right after the TCP handshake

In phase tls, after the whole ClientHello:
  reset-in-tls             both                             RST
  fin-in-tls               both                             FIN
  stall-in-tls             both                             nothing, for ever
  alert-in-tls             both  number (40)                a fatal alert in plaintext, FIN
  close-notify-in-tls      both                             alert 0, level warning, FIN
  garbage-in-tls           both                             an HTTP 400 in plaintext, FIN
  drip-in-tls              both  pause (1s)                 its flight byte by byte
  expired                  both                             echo, certificate of yesterday
  wrong-name               both                             echo, certificate for another name
  self-signed              both                             echo, certificate signed by itself
  needs-client-cert        both                             alert 116 (TLS 1.3) or 40 (TLS 1.2), FIN

In phase upgrade, after the whole upgrade request:
  reset-in-upgrade         wss                              RST
  fin-in-upgrade           wss                              FIN, no close_notify
  close-notify-in-upgrade  wss                              close_notify, FIN
  alert-in-upgrade         wss                              encrypted alert bad_record_mac, FIN
  stall-in-upgrade         wss                              nothing, for ever
  refuse                   wss   status (503)               that status, body, close_notify, FIN
  redirect                 wss   status (302)               that status with a Location
  wrong-accept             wss                              101 with a wrong Sec-WebSocket-Accept
  no-upgrade-header        wss                              101 without Upgrade
  garbage-in-upgrade       wss                              bytes that are no HTTP
  endless-headers          wss                              101 and headers without end
  drip-in-upgrade          wss   pause (1s)                 a good 101, byte by byte

In phase held, echo, and at WHEN:
  reset                    both                             RST
  fin                      both                             FIN, no close_notify
  close-notify             both                             close_notify, FIN
  close-notify-only        both                             close_notify, no FIN, reads on
  half-close               both                             FIN, no close_notify, reads on
  half-close-notify        both                             close_notify, FIN, reads on
  alert                    both                             encrypted alert bad_record_mac, FIN
  garbage-record           both                             bytes that are no TLS record
  vanish                   both                             a black hole: acknowledges nothing more
  drip                     both  pause (1s)                 a message or a record byte by byte
  flood                    both  rate (10000), 0: no limit  small messages, pongs between
  deaf                     wss                              reads, never answers again
  ws-close                 wss   CODE[:REASON], none (1000)  close frame, close_notify, FIN
  bad-frame                wss   opcode, mask (opcode)      reserved opcode, or a masked frame
  huge-close-reason        wss                              a control frame of 1000 bytes
  gigabyte-frame           wss                              announces 1 GB and sends it
  bomb                     wss                              compressed frame, not negotiated
  tiny-flood               wss                              empty messages and pings without limit

`vanish` and `blackhole-connect` need Linux with TCP MD5 signatures (vanish.py); elsewhere
`vanish` stops reading, so that the kernel acknowledges until its buffer is full, and
`blackhole-connect` relies on a full accept queue.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from stresser.model.units import NS_PER_MS, Duration, shown

_LAB_MOMENT: Final = "lab+"
_CLOSE_VALUE = re.compile(r"([0-9]{1,5})(?::(.*))?", re.DOTALL)
_LARGEST_CODE = 0xFFFF
_DEFAULT_DELAY = Duration(200 * NS_PER_MS)
_LONGEST_REASON = 123  # bytes: RFC 6455 section 5.5, 125 less the code


class FaultPhase(StrEnum):
    """When a behaviour departs from that of a good endpoint."""

    NEVER = "never"
    CONNECT = "connect"
    TLS = "tls"
    UPGRADE = "upgrade"
    HELD = "held"


class When(NamedTuple):
    """The moment of a held fault."""

    after: Duration = _DEFAULT_DELAY
    """Nanoseconds since the session was established, or since the lab started."""
    since_lab_start: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """What one lab endpoint does, read from its URL."""

    name: str
    phase: FaultPhase
    number: int = 0
    """Status, alert, close code, messages a second or, for drips, nanoseconds."""
    text: str = ""
    """A close reason, or the variant of `bad-frame`."""
    empty: bool = False
    """`ws-close/none`: a close frame with no body."""
    when: When


_Value = tuple[int, str, bool]  # number, text, empty
_Reader = Callable[[str], _Value]


def _number(low: int, high: int) -> _Reader:
    def read(value: str) -> _Value:
        if not (value.isascii() and value.isdigit() and low <= int(value[:10]) <= high):
            raise ValueError(f"takes a number from {low} to {high}, not {shown(value)}")
        return int(value), "", False

    return read


def _pause(value: str) -> _Value:
    pause = Duration.parse(value)
    if not pause:
        raise ValueError("needs a pause longer than nothing")
    return pause, "", False


def _close(value: str) -> _Value:
    if value == "none":
        return 0, "", True
    match = _CLOSE_VALUE.fullmatch(value)
    if match is None or int(match[1]) > _LARGEST_CODE:
        raise ValueError(f"takes CODE, CODE:REASON or none, not {shown(value)}")
    reason = match[2] or ""
    if len(reason.encode()) > _LONGEST_REASON:
        raise ValueError(f"takes a reason of at most {_LONGEST_REASON} bytes")
    return int(match[1]), reason, False


def _variant(value: str) -> _Value:
    if value not in {"opcode", "mask"}:
        raise ValueError(f"takes opcode or mask, not {shown(value)}")
    return 0, value, False


class _Kind(NamedTuple):
    phase: FaultPhase
    schemes: frozenset[str]
    read: _Reader | None = None
    default: str = ""


_BOTH: Final = frozenset({"wss", "tls"})
_WSS: Final = frozenset({"wss"})


def _same(phase: FaultPhase, schemes: frozenset[str], names: str) -> dict[str, _Kind]:
    return dict.fromkeys(names.split(), _Kind(phase, schemes))


_KINDS: Final[dict[str, _Kind]] = {
    **_same(FaultPhase.NEVER, _BOTH, "echo reflect"),
    "hub": _Kind(FaultPhase.NEVER, _WSS, _pause, "15s"),
    "push": _Kind(FaultPhase.NEVER, _BOTH, _number(1, 100_000), "1"),
    **_same(FaultPhase.CONNECT, _BOTH, "refused blackhole-connect reset-on-accept fin-on-accept"),
    **_same(FaultPhase.TLS, _BOTH, "reset-in-tls fin-in-tls stall-in-tls"),
    "alert-in-tls": _Kind(FaultPhase.TLS, _BOTH, _number(0, 255), "40"),
    **_same(FaultPhase.TLS, _BOTH, "close-notify-in-tls garbage-in-tls"),
    "drip-in-tls": _Kind(FaultPhase.TLS, _BOTH, _pause, "1s"),
    **_same(FaultPhase.TLS, _BOTH, "expired wrong-name self-signed needs-client-cert"),
    **_same(FaultPhase.UPGRADE, _WSS, "reset-in-upgrade fin-in-upgrade close-notify-in-upgrade"),
    **_same(FaultPhase.UPGRADE, _WSS, "alert-in-upgrade stall-in-upgrade"),
    "refuse": _Kind(FaultPhase.UPGRADE, _WSS, _number(200, 599), "503"),
    "redirect": _Kind(FaultPhase.UPGRADE, _WSS, _number(300, 399), "302"),
    **_same(FaultPhase.UPGRADE, _WSS, "wrong-accept no-upgrade-header garbage-in-upgrade"),
    **_same(FaultPhase.UPGRADE, _WSS, "endless-headers"),
    "drip-in-upgrade": _Kind(FaultPhase.UPGRADE, _WSS, _pause, "1s"),
    **_same(FaultPhase.HELD, _BOTH, "reset fin close-notify close-notify-only half-close"),
    **_same(FaultPhase.HELD, _BOTH, "half-close-notify alert garbage-record vanish"),
    "drip": _Kind(FaultPhase.HELD, _BOTH, _pause, "1s"),
    "flood": _Kind(FaultPhase.HELD, _BOTH, _number(0, 1_000_000), "10000"),
    "deaf": _Kind(FaultPhase.HELD, _WSS),
    "ws-close": _Kind(FaultPhase.HELD, _WSS, _close, "1000"),
    "bad-frame": _Kind(FaultPhase.HELD, _WSS, _variant, "opcode"),
    **_same(FaultPhase.HELD, _WSS, "huge-close-reason gigabyte-frame bomb tiny-flood"),
}


def known_behaviours(scheme: str) -> list[str]:
    """The names that `lab+SCHEME://` understands, in the order of a session's phases."""
    return [name for name, kind in _KINDS.items() if scheme in kind.schemes]


def parse_behaviour(scheme: str, behaviour: str, argument: str = "") -> Behaviour:
    """Read a lab URL's host part and path (without the first slash).

    Raises:
        ValueError: unknown scheme, behaviour or argument, in a sentence that lists what is known.
    """
    if scheme not in _BOTH:
        raise ValueError(f"lab endpoints speak wss or tls, not {shown(scheme)}")
    kind = _KINDS.get(behaviour)
    if kind is None or scheme not in kind.schemes:
        known = ", ".join(known_behaviours(scheme))
        raise ValueError(f"lab+{scheme} knows no behaviour {shown(behaviour)}; it knows {known}")
    try:
        value, when = _split(kind, argument)
        number, text, empty = kind.read(value or kind.default) if kind.read else (0, "", False)
    except ValueError as error:
        raise ValueError(f"lab behaviour {behaviour}: {error}") from None
    return Behaviour(
        name=behaviour,
        phase=kind.phase,
        number=number,
        text=text,
        empty=empty,
        when=when or When(),
    )


def _split(kind: _Kind, argument: str) -> tuple[str, When | None]:
    if kind.phase is not FaultPhase.HELD:
        if argument and kind.read is None:
            raise ValueError(f"takes no argument, not {shown(argument)}")
        return argument, None
    if kind.read is None:
        moment = argument.removeprefix("@")
        return "", _when(moment) if argument else None
    value, at, moment = argument.rpartition("@")
    if not at:
        return argument, None
    return value, _when(moment)


def _when(text: str) -> When:
    if text.startswith(_LAB_MOMENT):
        return When(Duration.parse(text.removeprefix(_LAB_MOMENT)), since_lab_start=True)
    return When(Duration.parse(text))
