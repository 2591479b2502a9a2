"""Version 2 read by its keys: what holds for the entries below a key, and what is reported."""

import pytest

from stresser.citrix.allowlist import Allowlist
from stresser.citrix.allowlist_file import read_allowlist
from stresser.citrix.allowlist_walk import JsonObject, has_zscaler_form, plain_key
from tests.citrix.allowlists import V2_SERVICES, as_bytes


def read(tree) -> Allowlist:
    return read_allowlist(as_bytes(tree), "list.json", "acme1")


def said(found: Allowlist) -> list[str]:
    return [one.written for one in found.names]


def test_facts_of_regions_and_services_hold_for_the_entries_below():
    found = read(V2_SERVICES)
    assert found.not_understood == []
    eu = "regions eu; updated 2026-10-07"
    connector = f"{eu}, effectiveDate 2027-01-15"
    assert said(found) == [
        f"eu.g.nssvc.net (TCP 443, UDP 443; {eu})",
        f"api.cloud.com (TCP 443, UDP 443; {eu})",
        f"acme1.xendesktop.net (TCP 443; {connector})",
        f"agent.example.net (TCP 8443, UDP 9000-9001; {connector})",
        "us.g.nssvc.net (regions us)",
    ]
    assert [one.entry.written for one in found.inbound] == [
        "acme1.xendesktop.net",
        "agent.example.net",
        "203.0.113.0/24",
    ]
    assert found.names[0].sections == ["Gateway"]
    assert found.dates == [
        "lastUpdated: 2026-11-01",
        "allowlist.regions[0].updated: 2026-10-07",
        "allowlist.regions[0].services[1].effectiveDate: 2027-01-15",
    ]


@pytest.mark.parametrize(
    ("tree", "written"),
    [
        ({"eu": {"fqdns": ["a.cloud.com"]}}, "a.cloud.com (regions eu)"),
        ({"egress": {"Japan": ["a.cloud.com"]}}, "a.cloud.com (regions jp)"),
        ({"fqdns": ["a.cloud.com"], "geo": "us,eu"}, "a.cloud.com (regions us, eu)"),
        ({"fqdns": ["a.cloud.com"], "region": "moon"}, "a.cloud.com (regions moon)"),
        ({"fqdns": ["a.cloud.com"], "ports": {"tcp": [443], "udp": "1-2"}},
         "a.cloud.com (TCP 443, UDP 1-2)"),
        ({"ports": "443", "protocol": "UDP", "fqdns": ["a.cloud.com"]}, "a.cloud.com (UDP 443)"),
        ({"ports": [{"port": 443, "protocols": ["TCP", "UDP"]}], "fqdns": ["a.cloud.com"]},
         "a.cloud.com (TCP 443, UDP 443)"),
        ({"protocol": "icmp", "fqdns": ["a.cloud.com"]}, "a.cloud.com"),
        ({"ports": 1, "services": [{"ports": 2, "host": "a.cloud.com"}]}, "a.cloud.com (port 2)"),
        ([{"Valid From": "2026-12-01", "host": "a.cloud.com"}],
         "a.cloud.com (Valid From 2026-12-01)"),
    ],
)  # fmt: skip
def test_where_facts_may_stand(tree, written):
    assert said(read(tree)) == [written]


def test_the_vendors_regions_are_kept_before_all_others():
    found = read({"fqdns": ["a.cloud.com"], "region": [*map(str, range(20)), "eu"]})
    [terms] = found.names[0].terms
    assert terms.regions[0] == "eu"


def test_a_service_is_named_by_its_key_where_it_has_no_name():
    found = read({"services": {"Gateway": {"fqdns": ["a.cloud.com"]}}, "fqdns": ["b.cloud.com"]})
    assert [one.sections for one in found.names] == [["Gateway"], ["fqdns"]]


@pytest.mark.parametrize(
    ("service", "line"),
    [
        ({"direction": "sideways"}, "direction: is neither inbound nor outbound; what stands"),
        ({"direction": 7}, "direction: is neither inbound nor outbound"),
        ({"direction": []}, "direction: is neither inbound nor outbound"),
        ({"direction": ["inbound", "x"]}, "direction: is neither inbound nor outbound"),
        ({"ports": "many"}, 'ports: "many" is no port'),
        ({"ports": [{"from": 1}]}, "ports[0]: is no port"),
        ({"ports": {"tcp": "x"}}, 'ports.tcp: "x" is no port'),
        ({"region": 5}, "region: is no region"),
        ({"region": [f"x{n}" for n in range(9)]}, "names 9 regions; 8 are kept"),
        ({"effectiveDate": "soon"}, 'effectiveDate: "soon" is no date such as 2026-11-30'),
        ({"name": "b.cloud.com"}, 'name: "b.cloud.com" looks like an entry'),
        ({"notes": "10.0.0.0/8"}, 'notes: "10.0.0.0/8" looks like an entry'),
        ({"ips": [{}, 5]}, "ips[1]: is not text"),
    ],
)
def test_what_is_not_understood_is_one_line_each_and_loses_no_entry(service, line):
    found = read({**service, "fqdns": ["a.cloud.com"]})
    assert [one.entry.written for one in found.names] == ["a.cloud.com"]
    [reported] = found.not_understood
    assert reported.startswith(line)
    assert found.not_understood_count == 1


def test_ports_nested_without_end_are_not_followed():
    ports: object = 443
    for _ in range(300):
        ports = {"p": ports}
    found = read({"fqdns": ["a.cloud.com"], "ports": ports})
    assert found.not_understood == ["ports.p.p: is nested too deeply"]


def test_keys_are_compared_without_case_and_joints():
    assert plain_key("Tcp_Ports") == plain_key("tcp-ports") == plain_key("TCP Ports") == "tcpports"


@pytest.mark.parametrize(
    ("keys", "is_it"),
    [
        (["serviceArea", "urls"], True),
        (["tcpPorts", "ips"], True),
        (["serviceArea"], False),
        (["urls", "ips"], False),
        (["fqdns", "tcpPorts"], False),
    ],
)
def test_the_form_for_zscaler_is_known_by_its_keys(keys, is_it):
    one = JsonObject([(key, []) for key in keys])
    assert has_zscaler_form([5, one]) is is_it
    assert not has_zscaler_form(one)
