"""Allowlist files of both versions, tolerant and hostile."""

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stresser.citrix.allowlist import Allowlist, AllowlistError, Form
from stresser.citrix.allowlist_file import LARGEST_FILE, read_allowlist
from stresser.citrix.allowlist_since import ListChanges, compare_lists
from tests.citrix.allowlists import V1, V2, V2_BY_DIRECTION, V2_SERVICES, V2_ZSCALER, as_bytes

pytestmark = pytest.mark.slow


def read(tree) -> Allowlist:
    return read_allowlist(as_bytes(tree), "list.json", "acme1")


def hosts(found: Allowlist) -> list[str]:
    return [one.entry.written for one in found.names]


def networks(found: Allowlist) -> list[str]:
    return [one.entry.written for one in found.networks]


def inbound(found: Allowlist) -> list[str]:
    return [one.entry.written for one in found.inbound]


def wildcards(found: Allowlist) -> list[str]:
    return [one.entry.written for one in found.wildcards]


def refusal(data: bytes) -> str:
    with pytest.raises(AllowlistError) as told:
        read_allowlist(data, "li\x1bst.json", "acme1")
    [line] = told.value.lines
    assert line.startswith("li\\x1bst.json: ")
    assert line.isprintable()
    assert told.value.exit_code == 2
    return line


def test_version_1():
    found = read(V1)
    assert found.form is Form.VERSION_1
    assert found.sections == 3
    assert hosts(found) == [
        "agenthub.citrixworkspacesapi.net",
        "agenthub-us.citrixworkspacesapi.net",
        "agenthub-eu.citrixworkspacesapi.net",
        "agenthub-ap-s.citrixworkspacesapi.net",
        "messaging-eastus-release-a.citrixworkspacesapi.net",
        "ctxwsp-agent-eastus.servicebus.windows.net",
        "cwsproduction.blob.core.windows.net",
        "acme1.xendesktop.net",
        "global-all.g.nssvc.net",
        "aws-eu-w.g.nssvc.net",
        "citrix.cloud.com",
        "eu.cloud.com",
        "cdn.example.com",
    ]
    assert found.names[0].sections == ["CloudConnector", "Console"]
    assert wildcards(found) == ["*.c.nssvc.net"]
    assert (found.duplicates, found.blanks) == (1, 2)
    assert found.without_list == ["Retired"]
    assert found.ignored == {"LatestChangeLog": 3, "SchemaVersion": 1}
    assert found.not_understood == []


def test_version_1_reads_the_allow_list_alone():
    """A name elsewhere in a section, a change log say, is not one to be reached."""
    found = read({"S": {"AllowList": ["a.cloud.com"], "LatestChangeLog": ["old.cloud.com"]}})
    assert hosts(found) == ["a.cloud.com"]
    assert found.ignored == {"LatestChangeLog": 1}


@pytest.mark.parametrize("key", ["allowlist", "allowList", "ALLOWLIST"])
def test_the_key_may_be_spelt_otherwise(key):
    assert read({"S": {key: ["a.cloud.com"]}}).form is Form.VERSION_1


def test_what_is_no_entry_in_version_1_is_told():
    items = ["a.cloud.com", 7, {"x": 1}, ["b"], None, "two words"]
    found = read({"S": {"AllowList": items}, "T": {"AllowList": "b.cloud.com"}})
    assert hosts(found) == ["a.cloud.com"]
    assert found.blanks == 1
    assert found.not_understood == [
        "S.AllowList[1]: is not text",
        "S.AllowList[2]: is not text",
        "S.AllowList[3]: is not text",
        'S.AllowList[5]: "two words" is not a host name',
        "T.AllowList: is not a list",
    ]


def test_a_section_that_stands_twice_loses_no_names():
    data = b'{"S": {"AllowList": ["a.cloud.com"]}, "S": {"AllowList": ["b.cloud.com"]}}'
    assert hosts(read_allowlist(data, "f", "acme1")) == ["a.cloud.com", "b.cloud.com"]


def test_version_2():
    found = read(V2)
    assert found.form is Form.JSON
    assert hosts(found) == ["agenthub-eu.citrixworkspacesapi.net", "acme1.xendesktop.net"]
    assert networks(found) == ["192.0.2.0/24"]
    assert inbound(found) == ["198.51.100.0/24", "egress.example.net"]
    [line] = found.not_understood
    assert line.startswith('services[0].documentation: "docs.citrix.com" looks like an entry')
    assert set(found.ignored) == {"version", "removed"}
    assert found.dates == ["generatedAt: 2026-01-12"]
    assert found.sections == 2
    assert [one.written for one in found.networks] == ["192.0.2.0/24 (port 443)"]
    assert found.names[0].sections == ["Cloud Connector"]


def test_version_2_by_direction():
    found = read(V2_BY_DIRECTION)
    assert hosts(found) == ["eu.cloud.com"]
    assert networks(found) == ["203.0.113.0/24"]
    assert inbound(found) == ["198.51.100.7/32"]
    assert found.not_understood == ['outbound.eu.Ip_Ranges[1]: "not one" is not a host name']


def test_version_2_in_the_form_for_zscaler():
    found = read(V2_ZSCALER)
    assert found.form is Form.ZSCALER
    assert [one.written for one in found.names] == [
        "api.cloud.com (TCP 443, UDP 443)",
        "citrix.cloud.com (TCP 80, TCP 443)",
        "relay.servicebus.windows.net (TCP 9350-9354; not required; machine creation)",
    ]
    assert found.names[0].sections == ["Citrix DaaS"]
    assert wildcards(found) == ["*.nssvc.net"]
    assert networks(found) == ["2001:db8::/32"]
    assert found.not_understood == []
    assert found.ignored == {"id": 3}


def test_an_entry_of_the_zscaler_form_that_is_wrong_is_one_line():
    found = read([*V2_ZSCALER, {"serviceArea": "X", "urls": ["a b"], "tcpPorts": "0", "ips": [1]}])
    assert found.not_understood == [
        '[3].tcpPorts: "0": ports are numbers from 1 to 65535, the lower one first',
        '[3].urls[0]: "a b" is not a host name',
        "[3].ips[0]: is not text",
    ]


def test_a_list_under_an_unknown_key_is_taken_where_it_is_plain():
    found = read({"anything": ["a.cloud.com", "192.0.2.0/24", "DaaS", "2.0"]})
    assert (hosts(found), networks(found)) == (["a.cloud.com"], ["192.0.2.0/24"])
    assert found.ignored == {"anything": 2}


def test_a_byte_order_mark_does_no_harm():
    assert read_allowlist(b"\xef\xbb\xbf" + as_bytes(V1), "f", "acme1").form is Form.VERSION_1


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b"", "is empty"),
        (b"   \n", "is empty"),
        (b"{", "line 1, column 2: not JSON"),
        (b"<html>\x1b[31m</html>", "line 1, column 1: not JSON"),
        (b"\xff\xfe{\x00}\x00", "is UTF-16 text"),
        (b'{"a": "\xff"}', "is not UTF-8 text"),
        (b" " * (LARGEST_FILE + 1), "has more than 4 MiB"),
        (b"[" * 200_000, "nested too deeply"),
        (b'{"a":' * 200_000, "nested too deeply"),
        (b"1" * 50_000, "absurdly long"),
        (b"null", "holds no host name"),
        (b'"a.cloud.com"', "holds no host name"),
        (b"{}", "holds no host name"),
        (b'{"S": {"AllowList": []}}', "holds no host name"),
        (
            b'{"error": {"code": 404, "message": "not found"}}',
            "under error; fetch it again: `stresser citrix --customer ID --address` prints",
        ),
        (b'{"fqdns": ["x y"]}', 'under fqdns (fqdns[0]: "x y" is not a host name); fetch it again'),
        (b"[" + b"1," * 60_000 + b"1]", "holds more than 50000 values"),
    ],
)
def test_what_is_no_allowlist_is_one_line(data, line):
    assert line in refusal(data)


def test_what_is_nested_too_deeply_for_an_allowlist_is_told_and_not_followed():
    deep: Any = "a.cloud.com"
    for _ in range(61):
        deep = [deep]
    found = read({"hosts": ["b.cloud.com"], "x": deep})
    assert hosts(found) == ["b.cloud.com"]
    assert found.not_understood == ["x[0][0]: is nested too deeply"]


def test_the_largest_file_takes_seconds_at_most():
    entry = '"' + "a" * 60 + '.example",'
    data = ('{"S": {"AllowList": [' + entry * (LARGEST_FILE // len(entry) - 2) + '""]}}').encode()
    assert len(data) <= LARGEST_FILE
    began = time.process_time()
    with pytest.raises(AllowlistError, match="more than 50000 values"):
        read_allowlist(data, "f", "acme1")
    assert time.process_time() - began < 20


SOME_TEXTS = [
    "443",
    "TCP/80-90",
    "eu",
    "2026-01-01",
    "ingress",
    "a.cloud.com",
    "*.nssvc.net",
    "<CUSTOMER_ID>.x.net",
    "10.0.0.0/8",
    "",
    "\ud800",
]
TEXTS = st.one_of(st.text(max_size=30), st.sampled_from(SOME_TEXTS))
KEYS = st.one_of(
    st.text(max_size=10),
    st.sampled_from(
        [
            "AllowList",
            "fqdns",
            "cidrs",
            "direction",
            "inbound",
            "removed",
            "\ud800",
            "ports",
            "tcpPorts",
            "protocol",
            "region",
            "regions",
            "geo",
            "name",
            "notes",
            "updated",
            "eu",
            "serviceArea",
            "urls",
            "required",
        ]
    ),
)
TREES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXTS),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=25,
)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(TREES)
def test_any_json_is_an_allowlist_or_one_line(tree):
    outcome(json.dumps(tree).encode())


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.data())
def test_a_mutated_file_is_an_allowlist_or_one_line(data):
    text = bytearray(
        as_bytes(data.draw(st.sampled_from([V1, V2, V2_BY_DIRECTION, V2_SERVICES, V2_ZSCALER])))
    )
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        text[start : start + data.draw(st.integers(0, 9))] = data.draw(
            st.one_of(st.binary(max_size=4), st.sampled_from([b'"', b"[", b"{", b"\\u202e"]))
        )
    outcome(bytes(text))


def outcome(data: bytes) -> None:
    try:
        found = read_allowlist(data, "f", "acme1")
    except AllowlistError as error:
        [line] = error.lines
        assert line.startswith("f: ")
        assert line.isprintable()
        return
    assert not found.is_empty
    assert compare_lists(found, found) == ListChanges(new=[], gone=[])
    for listed in (*found.names, *found.wildcards, *found.networks, *found.inbound):
        assert listed.terms
        assert listed.written.isprintable()
    assert len(found.not_understood) <= found.not_understood_count
    for text in (*found.not_understood, *found.ignored, *found.without_list, *found.dates):
        assert text.isprintable()
