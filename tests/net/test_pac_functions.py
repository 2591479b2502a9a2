"""What PAC files may call: one row a case, after Netscape's page and MDN's."""

import time

import pytest

from stresser.net.pac_functions import PacFunctions

ZONE = {
    "www.example.net": ["192.0.2.7"],
    "both.example.net": ["2001:db8::7", "192.0.2.8"],
    "six.example.net": ["2001:db8::9"],
}
WEDNESDAY = time.strptime("2026-07-15 14:30:45", "%Y-%m-%d %H:%M:%S")
GMT = time.strptime("2026-07-16 02:30:45", "%Y-%m-%d %H:%M:%S")
"""A host twelve hours behind."""


def called(name, *given, own=("192.0.2.1", "2001:db8::1")):
    functions = PacFunctions(
        lambda host: ZONE.get(host, []), own, lambda is_gmt: GMT if is_gmt else WEDNESDAY
    )
    return functions.table()[name](*given)


@pytest.mark.parametrize(
    ("name", "given", "answer"),
    [
        ("isPlainHostName", ("www",), True),
        ("isPlainHostName", ("www.example.net",), False),
        ("isPlainHostName", ("2001:db8::1",), False),
        ("dnsDomainIs", ("www.example.net", ".example.net"), True),
        ("dnsDomainIs", ("www", ".example.net"), False),
        ("dnsDomainIs", ("www.example.net.evil.test", ".example.net"), False),
        ("localHostOrDomainIs", ("www.example.net", "www.example.net"), True),
        ("localHostOrDomainIs", ("www", "www.example.net"), True),
        ("localHostOrDomainIs", ("ww", "www.example.net"), False),
        ("localHostOrDomainIs", ("www.mcom.test", "www.example.net"), False),
        ("localHostOrDomainIs", ("home.example.net", "www.example.net"), False),
        ("isResolvable", ("www.example.net",), True),
        ("isResolvable", ("six.example.net",), False),
        ("isResolvable", ("bogus.example.net",), False),
        ("isResolvableEx", ("six.example.net",), True),
        ("isResolvableEx", ("bogus.example.net",), False),
        ("dnsResolve", ("www.example.net",), "192.0.2.7"),
        ("dnsResolve", ("both.example.net",), "192.0.2.8"),
        ("dnsResolve", ("10.1.2.3",), "10.1.2.3"),
        ("dnsResolve", ("bogus.example.net",), None),
        ("dnsResolve", (), None),
        ("dnsResolveEx", ("both.example.net",), "2001:db8::7;192.0.2.8"),
        ("dnsResolveEx", ("bogus.example.net",), ""),
        ("isInNet", ("10.1.2.3", "10.0.0.0", "255.0.0.0"), True),
        ("isInNet", ("11.1.2.3", "10.0.0.0", "255.0.0.0"), False),
        ("isInNet", ("www.example.net", "192.0.2.0", "255.255.255.0"), True),
        ("isInNet", ("www.example.net", "192.0.2.7", "255.255.255.255"), True),
        ("isInNet", ("www.example.net", "198.51.100.0", "255.255.255.0"), False),
        ("isInNet", ("bogus.example.net", "0.0.0.0", "0.0.0.0"), False),  # noqa: S104 - a network
        ("isInNet", ("300.1.2.3", "0.0.0.0", "0.0.0.0"), False),  # noqa: S104 - a network
        ("isInNet", ("2001:db8::1", "0.0.0.0", "0.0.0.0"), False),  # noqa: S104 - a network
        ("isInNet", ("010.1.2.3", "10.0.0.0", "255.0.0.0"), True),
        ("isInNet", (), False),
        ("isInNetEx", ("both.example.net", "2001:db8::/32"), True),
        ("isInNetEx", ("www.example.net", "192.0.2.0/24"), True),
        ("isInNetEx", ("www.example.net", "2001:db8::/32"), False),
        ("isInNetEx", ("www.example.net", "no network"), False),
        ("convert_addr", ("104.16.41.2",), 1745889538),
        ("convert_addr", ("www",), 0),
        ("myIpAddress", (), "192.0.2.1"),
        ("myIpAddressEx", (), "192.0.2.1;2001:db8::1"),
        ("dnsDomainLevels", ("www",), 0),
        ("dnsDomainLevels", ("mozilla.example.net",), 2),
        ("sortIpAddressList", ("10.2.3.9;2001:4898:28:1::23;::1;127.0.0.1",),
         "::1;2001:4898:28:1::23;10.2.3.9;127.0.0.1"),
        ("sortIpAddressList", ("10.2.3.9;x",), ""),
        ("getClientVersion", (), "1.0"),
        ("alert", ("anything", 1), None),
    ],
)  # fmt: skip
def test_hosts_and_addresses(name, given, answer):
    assert called(name, *given) == answer


def test_a_host_without_addresses_is_its_loopback():
    assert called("myIpAddress", own=()) == "127.0.0.1"
    assert called("myIpAddress", own=("2001:db8::1",)) == "127.0.0.1"
    assert called("myIpAddressEx", own=()) == ""


@pytest.mark.parametrize(
    ("text", "pattern", "fits"),
    [
        ("http://home.example.net/people/ari/index.html", "*/ari/*", True),
        ("http://home.example.net/people/montulli/index.html", "*/ari/*", False),
        ("www.example.net", "*.example.net", True),
        ("www.example.net", "*.example.ne?", True),
        ("www.example.net", "www.example.net", True),
        ("www.example.net", "WWW.example.net", False),
        ("wwwxexample.net", "www.example.net", False),
        ("example.net", "*.example.net", False),
        ("abc", "?bc", True),
        ("bc", "?bc", False),
        ("abcabc", "a*bc", True),
        ("abcab", "a*bc", False),
        ("aab", "a*ab", True),
        ("ab", "ab*ab", False),
        ("a+b", "a+b", True),
        ("aab", "a+b", False),
        ("", "*", True),
        ("", "", True),
        ("x", "", False),
        ("a[b]", "a[b]", True),
        ("a" * 5000, "*a" * 30 + "*b", False),
    ],
)
def test_patterns(text, pattern, fits):
    assert called("shExpMatch", text, pattern) is fits


@pytest.mark.parametrize(
    ("given", "holds"),
    [
        (("MON", "FRI"), True),
        (("MON", "FRI", "GMT"), True),
        (("WED",), True),
        (("WED", "GMT"), False),
        (("THU", "GMT"), True),
        (("SAT",), False),
        (("SAT", "SUN"), False),
        (("FRI", "WED"), True),
        (("FRI", "MON"), False),
        (("WED", "WED"), True),
        (("wed",), False),
        (("XYZ", "FRI"), False),
        ((), False),
        (("GMT",), False),
    ],
)
def test_days_of_the_week(given, holds):
    assert called("weekdayRange", *given) is holds


@pytest.mark.parametrize(
    ("given", "holds"),
    [
        ((15,), True),
        ((16,), False),
        ((16, "GMT"), True),
        (("15",), True),
        (("JUL",), True),
        (("JUN",), False),
        ((2026,), True),
        ((2025,), False),
        ((1, 15), True),
        ((16, 31), False),
        ((20, 15), True),
        (("JAN", "MAR"), False),
        (("JUN", "AUG"), True),
        (("NOV", "AUG"), True),
        ((2025, 2027), True),
        ((2027, 2030), False),
        ((1, "JUN", 15, "AUG"), True),
        ((16, "JUL", 15, "AUG"), False),
        ((15, "JUL", 15, "JUL"), True),
        (("OCT", 2025, "MAR", 2027), True),
        (("AUG", 2026, "MAR", 2027), False),
        ((1, "JUN", 1995, 15, "AUG", 1995), False),
        ((1, "JUN", 1995, 15, "JUL", 2026), True),
        ((15, "JUL"), True),
        ((24, "DEC"), False),
        ((15, "JUL", 2026), True),
        ((15, "JUL", 2025), False),
        ((15, "JUL", "AUG"), False),
        (("nonsense",), False),
        ((), False),
    ],
)
def test_dates(given, holds):
    assert called("dateRange", *given) is holds


@pytest.mark.parametrize(
    ("given", "holds"),
    [
        ((14,), True),
        ((13,), False),
        ((2, "GMT"), True),
        ((9, 17), True),
        ((12, 14), True),
        ((15, 17), False),
        ((22, 6), False),
        ((14, 0, 14, 30), True),
        ((14, 31, 17, 0), False),
        ((22, 0, 15, 0), True),
        ((22, 0, 6, 0), False),
        ((14, 30, 45, 14, 30, 45), True),
        ((0, 0, 0, 0, 0, 30), False),
        (("14", "15"), True),
        ((14, 0, 15), False),
        (("x",), False),
        ((), False),
    ],
)
def test_times_of_the_day(given, holds):
    assert called("timeRange", *given) is holds
