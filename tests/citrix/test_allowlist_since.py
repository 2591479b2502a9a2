"""Two lists compared, one row a case."""

import time

import pytest

from stresser.citrix.allowlist_file import read_allowlist
from stresser.citrix.allowlist_since import ListChanges, compare_lists
from tests.citrix.allowlists import V1, V2_SERVICES, V2_ZSCALER, as_bytes


def compared(old, new, **options) -> ListChanges:
    before, after = (read_allowlist(as_bytes(one), "list.json", "acme1") for one in (old, new))
    return compare_lists(before, after, **options)


def lines(changes: ListChanges) -> tuple[list[str], list[str]]:
    return [one.written for one in changes.new], [one.written for one in changes.gone]


def service(*hosts, **facts):
    return {"fqdns": list(hosts), **facts}


A = "a.cloud.com"


@pytest.mark.parametrize(
    ("old", "new", "is_new", "is_gone"),
    [
        (service(A), service(A), [], []),
        (service(A), service(A, "b.cloud.com"), ["outbound b.cloud.com, TCP 443"], []),
        (service(A, "b.cloud.com"), service(A), [], ["outbound b.cloud.com, TCP 443"]),
        # No port said is TCP 443, as is a port without a protocol.
        (service(A), service(A, ports=443), [], []),
        (service(A), service(A, tcpPorts="443"), [], []),
        (service(A), service(A, udpPorts=443),
         [f"outbound {A}, UDP 443"], [f"outbound {A}, TCP 443"]),
        (service(A), service(A, ports="443,TCP/8443"), [f"outbound {A}, TCP 8443"], []),
        (service(A), service(A, f"{A}:8443"), [f"outbound {A}, TCP 8443"], []),
        # A port within a range, or within two that touch, is there already.
        (service(A, ports="1-500"), service(A, ports="100-443"), [], [f"outbound {A}, TCP 1-500"]),
        (service(A, ports="1-99,100-500"), service(A, ports="50-200,1-99,100-500"), [], []),
        (service(A, ports="1-99"), service(A, ports="50-200"),
         [f"outbound {A}, TCP 50-200"], [f"outbound {A}, TCP 1-99"]),
        # The other direction is another opening.
        ({"ips": ["10.0.0.0/8"]}, {"ips": ["10.0.0.0/8"], "direction": "inbound"},
         ["inbound 10.0.0.0/8, no port said"], ["outbound 10.0.0.0/8, TCP 443"]),
        ({"ips": ["10.0.0.0/8"], "direction": "inbound"},
         {"ips": ["10.0.0.0/8"], "direction": "inbound", "ports": 443}, [], []),
        # What another entry has within.
        ({"hosts": [A, "*.g.nssvc.net"]}, {"hosts": [A, "*.g.nssvc.net", "eu.g.nssvc.net"]},
         ["outbound eu.g.nssvc.net, TCP 443, perhaps within *.g.nssvc.net of the other list"], []),
        ({"ips": ["10.0.0.0/8"]}, {"ips": ["10.1.0.0/16", "10.0.0.0/8"]},
         ["outbound 10.1.0.0/16, TCP 443, perhaps within 10.0.0.0/8 of the other list"], []),
        ({"ips": ["10.0.0.0/8"], "direction": "inbound"}, {"ips": ["10.1.0.0/16"]},
         ["outbound 10.1.0.0/16, TCP 443"], ["inbound 10.0.0.0/8, no port said"]),
    ],
)  # fmt: skip
def test_what_is_new_and_what_is_gone(old, new, is_new, is_gone):
    new_lines, gone_lines = lines(compared(old, new))
    assert [line.partition(" (")[0] for line in new_lines] == is_new
    assert [line.partition(" (")[0] for line in gone_lines] == is_gone


def test_it_says_which_service_region_and_date():
    changes = compared({"fqdns": ["api.cloud.com"]}, V2_SERVICES)
    [line] = [one.written for one in changes.new if one.where == "eu.g.nssvc.net"]
    assert line == (
        "outbound eu.g.nssvc.net, TCP 443, UDP 443 (Gateway: regions eu; updated 2026-10-07)"
    )
    assert changes.new_ports["api.cloud.com"] == "UDP 443"
    assert "203.0.113.0/24" in changes.new_ports
    assert [one.where for one in changes.new if one.is_inbound] == [
        "203.0.113.0/24", "acme1.xendesktop.net", "agent.example.net",
    ]  # fmt: skip


@pytest.mark.parametrize("tree", [V1, V2_SERVICES, V2_ZSCALER])
def test_a_list_and_itself_do_not_differ(tree):
    assert lines(compared(tree, tree)) == ([], [])


@pytest.mark.parametrize(("old", "new"), [(V1, V2_ZSCALER), (V2_SERVICES, V2_ZSCALER)])
def test_what_is_new_one_way_is_gone_the_other(old, new):
    there, back = compared(old, new), compared(new, old)
    assert there.new == back.gone
    assert there.gone == back.new
    assert there.new


def test_very_many_places_and_ports_of_one_entry_take_no_time():
    """A hostile list: 9,000 services that have the same name, each with ports of its own."""
    tree = [service(A, name=f"{n}", ports=[n + 1, n + 20_000]) for n in range(9_000)]
    found = read_allowlist(as_bytes(tree), "list.json", "acme1")
    other = read_allowlist(as_bytes(service(A, ports="1-8000")), "list.json", "acme1")
    began = time.process_time()
    [line] = compare_lists(other, found).new
    assert time.process_time() - began < 20
    assert len(line.ports) == 10_000
    assert line.written.endswith("(0; 1; 2; and 8997 more)")


def test_what_is_not_wanted_does_not_count():
    changes = compared(
        service(A), [service(A), service("us.cloud.com", "b.cloud.com")],
        is_wanted=lambda listed: listed.entry.written != "us.cloud.com",
    )  # fmt: skip
    assert [one.where for one in changes.new] == ["b.cloud.com"]
