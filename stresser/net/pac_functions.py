"""The functions that a PAC file may call, besides JavaScript's own.

As Netscape's "Navigator Proxy Auto-Config File Format" and MDN ("Proxy Auto-Configuration (PAC)
file") have them; where both are silent, as Firefox and Chromium agree. Those with IPv6 (`...Ex`)
are Microsoft's, which Chromium has as well. No I/O: the caller says what looks names up.
"""

import ipaddress
import re
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

Look: TypeAlias = Callable[[str], Sequence[str]]
"""A name's addresses, IPv4 or IPv6; of one that cannot be resolved, none."""
Now: TypeAlias = Callable[[bool], time.struct_time]
"""The time of day: this host's own, or (True) GMT."""

_DAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_QUAD = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
_INTEGER = re.compile(r"\s*[+-]?\d+")
_LONGEST_PATTERN = 4096
_HIGHEST_DAY = 31
_HIGHEST_OCTET = 255
_LOOPBACK = "127.0.0.1"


class PacFunctions:
    """All of them, as they are called from a script."""

    def __init__(self, look: Look, own_addresses: Sequence[str], now: Now) -> None:
        self._look = look
        self._own = own_addresses
        self._now = now

    def table(self) -> dict[str, Callable[..., Any]]:
        """By the name that scripts call them by."""
        return {
            "isPlainHostName": is_plain_host_name,
            "dnsDomainIs": dns_domain_is,
            "localHostOrDomainIs": local_host_or_domain_is,
            "isResolvable": lambda host=None: self.dns_resolve(host) is not None,
            "isResolvableEx": lambda host=None: bool(self._addresses(host)),
            "isInNet": self.is_in_net,
            "isInNetEx": self.is_in_net_ex,
            "dnsResolve": self.dns_resolve,
            "dnsResolveEx": lambda host=None: ";".join(self._addresses(host)),
            "convert_addr": convert_addr,
            "myIpAddress": self.my_ip_address,
            "myIpAddressEx": lambda: ";".join(self._own),
            "dnsDomainLevels": lambda host=None: str(host).count("."),
            "shExpMatch": sh_exp_match,
            "weekdayRange": self.weekday_range,
            "dateRange": self.date_range,
            "timeRange": self.time_range,
            "sortIpAddressList": sort_ip_address_list,
            "getClientVersion": lambda: "1.0",
            "alert": lambda *_: None,
        }

    def dns_resolve(self, host: object = None) -> str | None:
        """The first IPv4 address of a name; None (null): it has none."""
        return next((one for one in self._addresses(host) if ":" not in one), None)

    def is_in_net(self, host: object = None, pattern: object = None, mask: object = None) -> bool:
        """Whether a host's IPv4 address is in a network, `("10.0.0.0", "255.0.0.0")`."""
        address = str(host) if _quad(host) else self.dns_resolve(host)
        if address is None or not _quad(address):
            return False
        bits = convert_addr(mask)
        return convert_addr(address) & bits == convert_addr(pattern) & bits

    def is_in_net_ex(self, host: object = None, network: object = None) -> bool:
        """Whether an address of a host is in a network, `"2001:db8::/32"`."""
        try:
            wanted = ipaddress.ip_network(str(network), strict=False)
        except ValueError:
            return False
        return any(ipaddress.ip_address(one) in wanted for one in self._addresses(host))

    def my_ip_address(self) -> str:
        """This host's IPv4 address; its loopback where there is none, as in browsers."""
        return next((one for one in self._own if ":" not in one), _LOOPBACK)

    def weekday_range(self, *given: object) -> bool:
        """`("MON", "FRI")`, both included; a range may lead over Sunday."""
        words, now = self._of_time(given)
        days = [_DAYS.index(word) for word in words if word in _DAYS]
        if not days or len(days) != len(words):
            return False
        return _is_between([days[0]], [now.tm_wday], [days[-1]])

    def date_range(self, *given: object) -> bool:
        """Days, months and years, one of each or from and to, as `(1, "JUN", 15, "AUG")`."""
        words, now = self._of_time(given)
        parts = [_date_part(word) for word in words]
        kinds, half = [kind for kind, _ in parts], len(parts) // 2
        today = {"day": now.tm_mday, "month": now.tm_mon, "year": now.tm_year}
        if not kinds or not set(kinds) <= set(today):
            return False
        if len(set(kinds)) == len(kinds):
            return all(today[kind] == value for kind, value in parts)
        if kinds[:half] != kinds[half:]:
            return False
        order = [kind for kind in ("year", "month", "day") if kind in kinds]
        low, high = ([dict(side)[kind] for kind in order] for side in (parts[:half], parts[half:]))
        return _is_between(low, [today[kind] for kind in order], high)

    def time_range(self, *given: object) -> bool:
        """Hours, hours and minutes, or seconds as well, from and to; one hour is all of it."""
        words, now = self._of_time(given)
        numbers = [_integer(word) for word in words]
        if None in numbers or len(numbers) not in {1, 2, 4, 6}:
            return False
        half = max(len(numbers) // 2, 1)
        clock = [now.tm_hour, now.tm_min, now.tm_sec][:half]
        low, high = [n or 0 for n in numbers[:half]], [n or 0 for n in numbers[-half:]]
        if half == 1:  # no browser lets (22, 6) lead over midnight
            return low <= clock <= high
        return _is_between(low, clock, high)

    def _of_time(self, given: Sequence[object]) -> tuple[list[str], time.struct_time]:
        words = [str(one) for one in given]
        is_gmt = bool(words) and words[-1] == "GMT"
        return (words[:-1] if is_gmt else words), self._now(is_gmt)

    def _addresses(self, host: object) -> list[str]:
        name = str(host)
        try:
            return [str(ipaddress.ip_address(name.strip("[]")))]
        except ValueError:
            return [str(one) for one in self._look(name)]


def is_plain_host_name(host: object = None) -> bool:
    """Whether a host's name has no dot, and is no address."""
    name = str(host)
    return "." not in name and ":" not in name


def dns_domain_is(host: object = None, domain: object = None) -> bool:
    """Whether a host's name ends in a domain, `".example.net"`."""
    return str(host).endswith(str(domain))


def local_host_or_domain_is(host: object = None, hostdom: object = None) -> bool:
    """Whether a name is another, or its first part where it has no domain."""
    name, whole = str(host), str(hostdom)
    return name == whole or whole.startswith(f"{name}.")


def convert_addr(address: object = None) -> int:
    """An IPv4 address as a number; 0: it is none."""
    return int.from_bytes(map(int, str(address).split("."))) if _quad(address) else 0


def sh_exp_match(text: object = None, pattern: object = None) -> bool:
    """A shell's pattern, with `*` and `?` alone, for all of a text. Case counts."""
    words = str(text)
    stars = re.split(r"\*+", str(pattern)[:_LONGEST_PATTERN])
    if len(stars) == 1:
        return _fits(words, stars[0])
    first, *middle, last = stars
    if len(words) < len(first) + len(last) or not _fits(words[: len(first)], first):
        return False
    end = len(words) - len(last)
    at = len(first)
    for part in middle:  # the leftmost fit leaves most for what follows
        at = next((n for n in range(at, end + 1) if _fits(words[n : n + len(part)], part)), end + 1)
        at += len(part)
        if at > end:
            return False
    return _fits(words[end:], last)


def sort_ip_address_list(addresses: object = None) -> str:
    """A list parted by semicolons, IPv6 first; empty: something in it is no address."""
    try:
        parsed = [ipaddress.ip_address(one.strip()) for one in str(addresses).split(";")]
    except ValueError:
        return ""
    return ";".join(str(one) for one in sorted(parsed, key=lambda one: (-one.version, int(one))))


def _fits(text: str, pattern: str) -> bool:
    return len(text) == len(pattern) and all(
        wanted in {"?", got} for got, wanted in zip(text, pattern, strict=True)
    )


def _quad(text: object) -> bool:
    words = str(text)
    return bool(_QUAD.fullmatch(words)) and all(
        int(one) <= _HIGHEST_OCTET for one in words.split(".")
    )


def _integer(word: str) -> int | None:
    match = _INTEGER.match(word)
    return int(match[0][:10]) if match else None


def _date_part(word: str) -> tuple[str, int]:
    if word in _MONTHS:
        return "month", _MONTHS.index(word) + 1
    number = _integer(word)
    if number is None:
        return "nothing", 0
    return ("day" if number <= _HIGHEST_DAY else "year"), number


def _is_between(low: list[int], value: list[int], high: list[int]) -> bool:
    """Both ends included; where the end lies before the beginning, over the turn of the year."""
    if low <= high:
        return low <= value <= high
    return value >= low or value <= high
