"""Durations, sizes and rates as a person writes them, with units.

A `Duration` is an int of nanoseconds: every recorded time in stresser is an int of nanoseconds.
"""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

NS_PER_US = 1_000
NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC).replace(tzinfo=None)  # it is always UTC

_DURATION_UNITS = {
    "ns": 1,
    "us": NS_PER_US,
    "µs": NS_PER_US,
    "ms": NS_PER_MS,
    "s": NS_PER_S,
    "m": 60 * NS_PER_S,
    "h": 3600 * NS_PER_S,
    "d": 86_400 * NS_PER_S,
}
_NUMBER = r"[0-9]+(?:\.[0-9]+)?"
_DURATION_PART = re.compile(rf"({_NUMBER})(ns|us|µs|ms|s|m|h|d)")
_SIZE = re.compile(rf"({_NUMBER}) ?(B|kB|KB|KiB|MB|MiB|GB|GiB)")
DURATION_PATTERN = rf"^ *(?:{_NUMBER} *(?:ns|us|µs|ms|s|m|h|d) *)+$"
"""For JSON Schema. `Duration.parse` is stricter: each unit at most once."""
SIZE_PATTERN = rf"^ *{_NUMBER} ?(?:B|kB|KB|KiB|MB|MiB|GB|GiB) *$"
_LONGEST_TEXT = 64  # bounds the time that parsing a hostile text takes
_SIZE_UNITS = {
    "B": 1,
    "kB": 10**3,
    "KB": 10**3,
    "KiB": 2**10,
    "MB": 10**6,
    "MiB": 2**20,
    "GB": 10**9,
    "GiB": 2**30,
}
_THREE_DIGITS = 100  # from here on .3g could turn 999.6 into 1e+03
_LONGEST_DURATION = 366 * 86_400 * NS_PER_S
_LARGEST_SIZE = 2**50


class Duration(int):
    """A span of time in nanoseconds, written as `"250ms"`, `"15s"`, `"1h30m"`, `"8h"`."""

    __slots__ = ()

    @property
    def seconds(self) -> float:
        """The span in seconds, for trio's deadlines."""
        return self / NS_PER_S

    @classmethod
    def parse(cls, text: str) -> "Duration":
        """Read a duration.

        Raises:
            ValueError: with a sentence that says how to write one.
        """
        compact = _bounded(text).replace(" ", "").replace("\u03bc", "µ")  # the Greek letter, too
        parts = _DURATION_PART.findall(compact)
        if re.fullmatch(_NUMBER, compact):
            raise ValueError(f'{shown(text)} needs a unit; write "{compact}s"')
        if re.fullmatch(rf"-{_NUMBER}[a-zµ]*", compact):
            raise ValueError(f"{shown(text)} is negative; a duration is 0s or more")
        if not parts or "".join(number + unit for number, unit in parts) != compact:
            raise ValueError(
                f'{shown(text)} is not a duration; write for example "15s", "250ms" or "1h30m"'
            )
        if len({unit for _, unit in parts}) < len(parts):
            raise ValueError(f'{shown(text)} names a unit twice; write for example "1h30m"')
        total = int(sum(Decimal(number) * _DURATION_UNITS[unit] for number, unit in parts))
        if total > _LONGEST_DURATION:
            raise ValueError(f"{shown(text)} is longer than a year")
        return cls(total)

    def __str__(self) -> str:
        return format_duration(self)

    def written(self) -> str:
        """As a scenario file writes it, exact: `parse` reads it back."""
        rest, text = int(self), ""
        for unit in ("d", "h", "m", "s", "ms", "us", "ns"):
            whole, rest = divmod(rest, _DURATION_UNITS[unit])
            text += f"{whole}{unit}" if whole else ""
        return text or "0s"


class Size(int):
    """A number of bytes, written as `"8000B"`, `"64KiB"`, `"1MB"`."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> "Size":
        """Read a size.

        Raises:
            ValueError: with a sentence that says how to write one.
        """
        compact = _bounded(text).strip()
        match = _SIZE.fullmatch(compact)
        if re.fullmatch(_NUMBER, compact):
            raise ValueError(f'{shown(text)} needs a unit; write "{compact}B"')
        if match is None:
            raise ValueError(f'{shown(text)} is not a size; write for example "8000B" or "64KiB"')
        total = int(Decimal(match[1]) * _SIZE_UNITS[match[2]])
        if total > _LARGEST_SIZE:
            raise ValueError(f"{shown(text)} is more than a pebibyte")
        return cls(total)

    def written(self) -> str:
        """As a scenario file writes it, exact: `parse` reads it back."""
        for unit in ("GiB", "MiB", "KiB"):
            whole, rest = divmod(int(self), _SIZE_UNITS[unit])
            if whole and not rest:
                return f"{whole}{unit}"
        return f"{int(self)}B"


def _bounded(text: str) -> str:
    """The text, or nothing where it is too long to be a figure with its unit."""
    return text if len(text) <= _LONGEST_TEXT else ""


def shown(text: str, limit: int = 60) -> str:
    """Text from a file or a peer, quoted and escaped so that it cannot play with the terminal."""
    return '"' + escaped(text, limit).replace('"', '\\"') + '"'


def escaped(text: str, limit: int = 200) -> str:
    r"""Text from a file or a peer on one line: what is not printable becomes `\x1b` and such."""
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    if cut.isprintable():
        return cut
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in cut)


def format_duration(ns: int) -> str:
    """A duration as a person reads it: `412 us`, `4 s`, `1 h 30 m`. Three digits, no more."""
    if ns < 0:
        return "-" + format_duration(-ns)
    for size, unit in ((NS_PER_US, "ns"), (NS_PER_MS, "us"), (NS_PER_S, "ms")):
        if ns < size:
            value = ns / _DURATION_UNITS[unit]
            return f"{value:.0f} {unit}" if value >= _THREE_DIGITS else f"{value:.3g} {unit}"
    if ns < 60 * NS_PER_S:
        return f"{ns / NS_PER_S:.3g} s"
    seconds = round(ns / NS_PER_S)
    days, seconds = divmod(seconds, 86_400)
    hours, seconds = divmod(seconds, 3600)
    minutes, seconds = divmod(seconds, 60)
    parts = [(days, "d"), (hours, "h"), (minutes, "m"), (seconds, "s")]
    while parts[0][0] == 0:
        parts.pop(0)
    return " ".join(f"{value} {unit}" for value, unit in parts[:2] if value)


def format_utc(unix_ns: int) -> str:
    """ISO 8601 in UTC with microseconds: `2026-11-23T07:25:26.123456Z`."""
    moment = _EPOCH + timedelta(microseconds=unix_ns // 1000)
    return moment.isoformat(timespec="microseconds") + "Z"  # strftime takes ten times as long
