"""Which endpoints an allowlist leads to."""

import pytest

from stresser.citrix.allowlist import AllowlistError
from stresser.citrix.allowlist_file import read_allowlist
from stresser.citrix.citrix_plan import MOST_ENDPOINTS, make_plan
from stresser.citrix.known_names import Region
from stresser.cli.citrix import known_names
from tests.citrix.allowlists import V1, as_bytes

KNOWN = known_names()


def plan(tree, **options):
    allowlist = read_allowlist(as_bytes(tree), "list.json", "Acme1")
    return make_plan(allowlist, KNOWN, "Acme1", filename="li\x07st.json", **options)


def names(*hosts):
    return {"S": {"AllowList": list(hosts)}}


def hosts_of(made):
    return [endpoint.name.host for endpoint in made.endpoints]


def test_every_name_becomes_one_endpoint_known_domains_and_channels_first():
    made = plan(V1)
    assert hosts_of(made) == [
        "aws-eu-w.g.nssvc.net",
        "global-all.g.nssvc.net",
        "acme1.xendesktop.net",
        "agenthub-ap-s.citrixworkspacesapi.net",
        "agenthub-eu.citrixworkspacesapi.net",
        "agenthub-us.citrixworkspacesapi.net",
        "agenthub.citrixworkspacesapi.net",
        "messaging-eastus-release-a.citrixworkspacesapi.net",
        "ctxwsp-agent-eastus.servicebus.windows.net",
        "cwsproduction.blob.core.windows.net",
        "citrix.cloud.com",
        "eu.cloud.com",
        "cdn.example.com",
    ]
    assert made.channels == 9
    assert [endpoint.label for endpoint in made.endpoints] == hosts_of(made)
    assert (made.other_region, made.regionless, made.expanded) == ([], 0, 0)


def test_regions_leave_out_what_is_certain_and_count_what_is_not():
    made = plan(V1, regions=[Region.US])
    assert made.other_region == [
        "agenthub-eu.citrixworkspacesapi.net",
        "agenthub-ap-s.citrixworkspacesapi.net",
        "eu.cloud.com",
    ]
    assert "agenthub-us.citrixworkspacesapi.net" in hosts_of(made)
    assert "aws-eu-w.g.nssvc.net" in hosts_of(made)
    assert made.regionless == 9
    assert len(made.endpoints) == 10


SERVICES = [
    {"fqdns": ["global.cloud.com"], "geo": "all"},
    {"fqdns": ["one.cloud.com", "two.cloud.com"], "geo": ["us", "jp"]},
    {"fqdns": ["two.cloud.com"], "geo": "eu"},
    {"fqdns": ["three.cloud.com"], "geo": ["us", "moon"]},
    {"fqdns": ["us.cloud.com"], "geo": "Europe"},
    {"fqdns": ["eu.cloud.com", "unsaid.cloud.com"]},
]


def test_the_region_that_the_list_says_goes_before_what_a_name_says():
    made = plan(SERVICES, regions=[Region.EU])
    assert hosts_of(made) == [
        "eu.cloud.com",
        "global.cloud.com",
        "three.cloud.com",
        "two.cloud.com",
        "unsaid.cloud.com",
        "us.cloud.com",
    ]
    assert made.other_region == ["one.cloud.com"]
    assert made.regionless == 2


@pytest.mark.parametrize(
    ("service", "dialled"),
    [
        ({"fqdns": ["a.cloud.com"], "ports": [443, 8443]}, ["a.cloud.com:443"]),
        ({"fqdns": ["a.cloud.com"], "ports": "400-500"}, ["a.cloud.com:443"]),
        ({"fqdns": ["a.cloud.com:8443"], "ports": 8443}, ["a.cloud.com:8443"]),
        ({"fqdns": ["a.cloud.com"], "tcpPorts": "80,8443"}, []),
        ({"fqdns": ["a.cloud.com"], "udpPorts": 443}, []),
        ({"fqdns": ["a.cloud.com"], "ports": 443, "direction": "inbound"}, []),
    ],
)
def test_tls_is_tried_where_the_list_speaks_of_443_or_of_no_port(service, dialled):
    made = plan([service, {"fqdns": ["sure.cloud.com"]}])
    authorities = [endpoint.name.authority for endpoint in made.endpoints]
    assert authorities == [*dialled, "sure.cloud.com:443"]
    is_outbound = "direction" not in service
    assert len(made.other_ports) == (is_outbound and not dialled)


@pytest.mark.parametrize("regions", [(), (Region.ALL,), (Region.US, Region.ALL)])
def test_all_regions(regions):
    made = plan(V1, regions=regions)
    assert len(made.endpoints) == 13
    assert made.regions == []


def test_wildcards_are_expanded_only_when_asked_and_never_twice():
    tree = names("*.nssvc.net", "*.g.nssvc.net", "global-all.g.nssvc.net", "*.unknown.example")
    assert hosts_of(plan(tree)) == ["global-all.g.nssvc.net"]
    made = plan(tree, expand=True)
    assert hosts_of(made) == ["global-all.g.nssvc.net", "reg.c.nssvc.net"]
    assert made.expanded == 1
    assert [endpoint.listed.sections for endpoint in made.endpoints] == [["S"], []]
    assert [(wildcard.written, known) for wildcard, known in made.wildcards] == [
        ("*.nssvc.net", ["global-all.g.nssvc.net", "reg.c.nssvc.net"]),
        ("*.g.nssvc.net", ["global-all.g.nssvc.net"]),
        ("*.unknown.example", []),
    ]


def test_expansion_heeds_the_region():
    made = plan(names("agenthub-*.citrixworkspacesapi.net"), expand=True, regions=[Region.EU])
    assert hosts_of(made) == ["agenthub-eu.citrixworkspacesapi.net"]


def test_long_hosts_get_short_names_and_none_twice():
    stem = ".".join(["a" * 60] * 3)
    made = plan(names(*(f"{stem}.x{letter}.example" for letter in "abc"), "b.example:8443"))
    labels = [endpoint.label for endpoint in made.endpoints]
    assert len(set(labels)) == len(labels) == 4
    assert all(len(label) <= 64 for label in labels)
    assert "b.example-8443" in labels


@pytest.mark.parametrize(
    ("tree", "options", "line"),
    [
        (names("*.nssvc.net"), {}, "--expand dials the names known for them"),
        (names("*.unknown.example", "10.0.0.0/8"), {}, "no host name that can be dialled"),
        ({"tcpPorts": 80, "urls": ["a.example"]}, {}, "names on other ports than TCP 443"),
        (names("eu.cloud.com"), {"regions": [Region.US]}, "every name is of another region"),
        (names(*(f"h{n}.example" for n in range(MOST_ENDPOINTS + 1))), {}, "1001 host names"),
    ],
)
def test_nothing_or_too_much_to_dial_is_one_line(tree, options, line):
    with pytest.raises(AllowlistError) as told:
        plan(tree, **options)
    [said] = told.value.lines
    assert line in said
    assert said.startswith("li\\x07st.json: ")
    assert said.isprintable()
    assert ("--expand" in said) == ("--expand" in line)
