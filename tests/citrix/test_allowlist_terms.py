"""What a list says of an entry besides its name, one row a case."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stresser.citrix.allowlist_terms import (
    PortRange,
    Terms,
    Traffic,
    date_said,
    direction_said,
    protocols_said,
    read_ports,
    region_said,
    region_text,
)
from tests.fakes.thoroughness import examples


@pytest.mark.parametrize(
    ("value", "protocol", "written"),
    [
        (443, "", ["port 443"]),
        ("443", "TCP", ["TCP 443"]),
        ("80,443", "TCP", ["TCP 80", "TCP 443"]),
        ([443, "8443", None], "", ["port 443", "port 8443"]),
        (" 9350 - 9354 ", "TCP", ["TCP 9350-9354"]),
        (["TCP/443", "udp:443", "443/UDP"], "", ["TCP 443", "UDP 443"]),
        ("udp 443", "TCP", ["UDP 443"]),
        ("443,443", "", ["port 443"]),
        ("443,UDP/53", "TCP/UDP", ["TCP 443", "UDP 443", "UDP 53"]),
        ("", "TCP", []),
        (None, "TCP", []),
        ([], "", []),
    ],
)
def test_ports(value, protocol, written):
    said = protocols_said(protocol)
    assert [port.written for port in read_ports(value, said)] == written


@pytest.mark.parametrize(
    "value", ["x", "0", "65536", "9354-9350", -1, True, 1.5, {"a": 1}, [[443]], "4" * 500,
              list(range(1, 30)), "\x1b[31m", "443;8443"],
)  # fmt: skip
def test_what_is_no_port_is_one_printable_sentence(value):
    with pytest.raises(ValueError, match=r".+") as raised:
        read_ports(value)
    assert str(raised.value).isprintable()
    assert len(str(raised.value)) < 200


@pytest.mark.parametrize(
    ("port", "has_443"),
    [
        (PortRange("TCP", 443, 443), True),
        (PortRange("", 443, 443), True),
        (PortRange("TCP", 1, 65535), True),
        (PortRange("UDP", 443, 443), False),
        (PortRange("TCP", 444, 65535), False),
    ],
)
def test_where_tls_may_be_spoken(port, has_443):
    assert port.has_tcp(443) is has_443
    assert Terms(ports=(PortRange("TCP", 80, 80), port)).has_tls_port is has_443


def test_no_port_said_means_443():
    assert Terms().has_tls_port


@pytest.mark.parametrize(
    ("word", "direction"),
    [
        ("outbound", Traffic.OUTBOUND),
        (" Egress ", Traffic.OUTBOUND),
        ("INBOUND", Traffic.INBOUND),
        ("ingress", Traffic.INBOUND),
        ("both", Traffic.BOTH),
        ("sideways", None),
        ("", None),
    ],
)
def test_directions(word, direction):
    assert direction_said(word) is direction


@pytest.mark.parametrize(
    ("word", "region"),
    [
        ("us", "us"), ("EU", "eu"), ("ap-s", "ap-s"), ("AP_S", "ap-s"), ("all", "all"),
        ("Asia Pacific South", "ap-s"), ("Japan", "jp"), ("United States", "us"),
        ("eastus", None), ("", None), ("asia", None),
    ],
)  # fmt: skip
def test_regions(word, region):
    assert region_said(word) == region
    assert region_text(word) == (region or word)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-11-30", "2026-11-30"),
        ("2026-11-30T08:15:00Z", "2026-11-30"),
        ("2026-11-30 08:15:00.123+01:00", "2026-11-30"),
        ("2026-02-30", None),
        ("30.11.2026", None),
        ("2026-11-30 and later", None),
        ("", None),
    ],
)
def test_dates(text, day):
    assert date_said(text) == day


@pytest.mark.parametrize(
    ("said", "is_of"),
    [
        ((), None),
        (("eu",), True),
        (("us", "eu"), True),
        (("all",), True),
        (("us",), False),
        (("us", "moon"), None),
        (("moon",), None),
    ],
)
def test_whether_it_is_of_a_region(said, is_of):
    assert Terms(regions=said).is_of(["eu", "jp"]) is is_of


def test_what_is_written_is_what_is_said():
    assert Terms(section="S").written == ""
    said = Terms(
        ports=(PortRange("TCP", 1, 2),),
        regions=("eu", "us"),
        dates=("from 2026-01-01",),
        required=False,
        notes="slow",
    )
    assert said.written == "TCP 1-2; regions eu, us; from 2026-01-01; not required; slow"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("tcp", ("TCP",)), (" UDP", ("UDP",)), ("TCP/UDP", ("TCP", "UDP")),
        (["udp", "tcp"], ("TCP", "UDP")), ("TCP, ICMP", ()), ("", ()), (6, ()), (None, ()),
    ],
)  # fmt: skip
def test_protocols(value, said):
    assert protocols_said(value) == said


VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=12),
              st.from_regex(r"[0-9,/ tcpudo-]{0,12}", fullmatch=True)),
    lambda inner: st.lists(inner, max_size=4),
    max_leaves=6,
)  # fmt: skip


@settings(max_examples=examples(300), deadline=None, derandomize=True)
@given(VALUES)
def test_whatever_stands_there_ports_are_ports_or_it_is_one_sentence(value):
    try:
        ports, why = read_ports(value), ""
    except ValueError as error:
        ports, why = (), str(error)
    assert why.isprintable()
    assert all(1 <= port.low <= port.high <= 65535 for port in ports)
