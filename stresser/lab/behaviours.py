"""The behaviours a lab endpoint can be asked for, and how a lab URL asks for them.

`lab+SCHEME://BEHAVIOUR[/ARGUMENT]`, where ARGUMENT is `VALUE`, `@WHEN` or `VALUE@WHEN`.
WHEN is a duration since the session was established (`5s`; default `200ms`), or
`lab+DURATION`: that long after the lab started, for all sessions that are open then
(sessions opened later live on). Where a behaviour takes no value, WHEN needs no `@`:
`reset/5s`. Only behaviours of the phase `held` take WHEN.
Rates are messages a second; a pause is the time between two bytes. `ws` is WebSocket, with TLS or
without (`lab+wss`, `lab+ws`), `tls` needs TLS (`lab+wss`, `lab+tls`), `wss` both; the rest is for
`lab+tcp` as well.

  behaviour                for   VALUE (default)            what the endpoint does
  echo                     all                              echoes, answers pings
  push                     all   rate (1)                   the same, and sends messages
  hub                      ws    pause (15s)                as a SignalR hub: wants its handshake,
                                                            answers invocations, pings
  mqtt                     all   code (0)                   MQTT broker; its CONNACK has this code
  reflect                  tls                              as `stresser reflect`: tells the run
                                                            what it saw of each session

In phase connect:
  refused                  all                              no listener: RST to the SYN
  blackhole-connect        all                              SYNs are dropped
  reset-on-accept          all                              RST at the first byte, or after 200 ms
  fin-on-accept            all                              FIN right after the TCP handshake

In phase tls, after the whole ClientHello:
  reset-in-tls             tls                              RST
  fin-in-tls               tls                              FIN
  stall-in-tls             tls                              nothing, for ever
  alert-in-tls             tls   number (40)                a fatal alert in plaintext, FIN
  close-notify-in-tls      tls                              alert 0, level warning, FIN
  garbage-in-tls           tls                              an HTTP 400 in plaintext, FIN
  drip-in-tls              tls   pause (1s)                 its flight byte by byte
  expired                  tls                              echo, certificate of yesterday
  wrong-name               tls                              echo, certificate for another name
  self-signed              tls                              echo, certificate signed by itself
  needs-client-cert        tls                              alert 116 (TLS 1.3) or 40 (TLS 1.2), FIN

In phase upgrade, after the whole upgrade request:
  reset-in-upgrade         ws                               RST
  fin-in-upgrade           ws                               FIN, no close_notify
  close-notify-in-upgrade  wss                              close_notify, FIN
  alert-in-upgrade         wss                              encrypted alert bad_record_mac, FIN
  stall-in-upgrade         ws                               nothing, for ever
  refuse                   ws    status (503)               that status, body, close_notify, FIN
  redirect                 ws    status (302)               that status with a Location
  wrong-accept             ws                               101 with a wrong Sec-WebSocket-Accept
  no-upgrade-header        ws                               101 without Upgrade
  garbage-in-upgrade       ws                               bytes that are no HTTP
  endless-headers          ws                               101 and headers without end
  drip-in-upgrade          ws    pause (1s)                 a good 101, byte by byte

In phase held, echo, and at WHEN:
  reset                    all                              RST
  fin                      all                              FIN, no close_notify
  close-notify             tls                              close_notify, FIN
  close-notify-only        tls                              close_notify, no FIN, reads on
  half-close               all                              FIN, no close_notify, reads on
  half-close-notify        tls                              close_notify, FIN, reads on
  alert                    tls                              encrypted alert bad_record_mac, FIN
  garbage-record           tls                              bytes that are no TLS record
  vanish                   all                              a black hole: acknowledges nothing more
  drip                     all   pause (1s)                 a message or a record byte by byte
  flood                    all   rate (10000), 0: no limit  small messages, pongs between
  deaf                     ws                               reads, never answers again
  ws-close                 ws    CODE[:REASON], none (1000)  close frame, close_notify, FIN
  mqtt-disconnect          all   code (139)                 a broker's DISCONNECT, close_notify, FIN
  bad-frame                ws    opcode, mask (opcode)      reserved opcode, or a masked frame
  huge-close-reason        ws                               a control frame of 1000 bytes
  gigabyte-frame           ws                               announces 1 GB and sends it
  bomb                     ws                               compressed frame, not negotiated
  tiny-flood               ws                               empty messages and pings without limit

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


_WITH_TLS: Final = frozenset({"wss", "tls"})
_WEBSOCKET: Final = frozenset({"wss", "ws"})
_WSS: Final = frozenset({"wss"})
_ALL: Final = _WITH_TLS | _WEBSOCKET | {"tcp"}


def _same(phase: FaultPhase, schemes: frozenset[str], names: str) -> dict[str, _Kind]:
    return dict.fromkeys(names.split(), _Kind(phase, schemes))


_KINDS: Final[dict[str, _Kind]] = {
    "echo": _Kind(FaultPhase.NEVER, _ALL),
    "reflect": _Kind(FaultPhase.NEVER, _WITH_TLS),
    "hub": _Kind(FaultPhase.NEVER, _WEBSOCKET, _pause, "15s"),
    "mqtt": _Kind(FaultPhase.NEVER, _ALL, _number(0, 255), "0"),
    "push": _Kind(FaultPhase.NEVER, _ALL, _number(1, 100_000), "1"),
    **_same(FaultPhase.CONNECT, _ALL, "refused blackhole-connect reset-on-accept fin-on-accept"),
    **_same(FaultPhase.TLS, _WITH_TLS, "reset-in-tls fin-in-tls stall-in-tls"),
    "alert-in-tls": _Kind(FaultPhase.TLS, _WITH_TLS, _number(0, 255), "40"),
    **_same(FaultPhase.TLS, _WITH_TLS, "close-notify-in-tls garbage-in-tls"),
    "drip-in-tls": _Kind(FaultPhase.TLS, _WITH_TLS, _pause, "1s"),
    **_same(FaultPhase.TLS, _WITH_TLS, "expired wrong-name self-signed needs-client-cert"),
    **_same(FaultPhase.UPGRADE, _WEBSOCKET, "reset-in-upgrade fin-in-upgrade"),
    **_same(FaultPhase.UPGRADE, _WSS, "close-notify-in-upgrade alert-in-upgrade"),
    "stall-in-upgrade": _Kind(FaultPhase.UPGRADE, _WEBSOCKET),
    "refuse": _Kind(FaultPhase.UPGRADE, _WEBSOCKET, _number(200, 599), "503"),
    "redirect": _Kind(FaultPhase.UPGRADE, _WEBSOCKET, _number(300, 399), "302"),
    **_same(FaultPhase.UPGRADE, _WEBSOCKET, "wrong-accept no-upgrade-header garbage-in-upgrade"),
    **_same(FaultPhase.UPGRADE, _WEBSOCKET, "endless-headers"),
    "drip-in-upgrade": _Kind(FaultPhase.UPGRADE, _WEBSOCKET, _pause, "1s"),
    **_same(FaultPhase.HELD, _ALL, "reset fin"),
    **_same(FaultPhase.HELD, _WITH_TLS, "close-notify close-notify-only"),
    "half-close": _Kind(FaultPhase.HELD, _ALL),
    **_same(FaultPhase.HELD, _WITH_TLS, "half-close-notify alert garbage-record"),
    "vanish": _Kind(FaultPhase.HELD, _ALL),
    "drip": _Kind(FaultPhase.HELD, _ALL, _pause, "1s"),
    "flood": _Kind(FaultPhase.HELD, _ALL, _number(0, 1_000_000), "10000"),
    "deaf": _Kind(FaultPhase.HELD, _WEBSOCKET),
    "ws-close": _Kind(FaultPhase.HELD, _WEBSOCKET, _close, "1000"),
    "mqtt-disconnect": _Kind(FaultPhase.HELD, _ALL, _number(0, 255), "139"),
    "bad-frame": _Kind(FaultPhase.HELD, _WEBSOCKET, _variant, "opcode"),
    **_same(FaultPhase.HELD, _WEBSOCKET, "huge-close-reason gigabyte-frame bomb tiny-flood"),
}


def known_behaviours(scheme: str) -> list[str]:
    """The names that `lab+SCHEME://` understands, in the order of a session's phases."""
    return [name for name, kind in _KINDS.items() if scheme in kind.schemes]


def parse_behaviour(scheme: str, behaviour: str, argument: str = "") -> Behaviour:
    """Read a lab URL's host part and path (without the first slash).

    Raises:
        ValueError: unknown scheme, behaviour or argument, in a sentence that lists what is known.
    """
    if scheme not in _ALL:
        raise ValueError(f"lab endpoints speak wss, tls, ws or tcp, not {shown(scheme)}")
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
