"""The table of known names that comes with stresser, and what is asked of it."""

import pytest

from stresser.citrix.allowlist_entry import Name, Wildcard, read_entry
from stresser.citrix.known_names import Inspection, Region, decode_names
from stresser.cli.citrix import known_names

KNOWN = known_names()


def test_every_row_has_a_source_that_stands_in_the_table():
    rows = [*KNOWN.domains, *KNOWN.channels, *KNOWN.names]
    assert len(rows) > 40
    assert {row.source for row in rows} <= set(KNOWN.sources)
    assert all(len(source) > 20 for source in KNOWN.sources.values())


def test_every_name_can_be_dialled_and_is_in_a_known_domain():
    for row in KNOWN.names:
        entry = read_entry(row.name, "acme1")
        assert isinstance(entry, Name)
        assert KNOWN.domain_of(entry.host) is not None
    assert len({row.name for row in KNOWN.names}) == len(KNOWN.names)


def test_the_articles_major_domains_are_known():
    for domain in (
        "xendesktop.net", "citrixworkspacesapi.net", "nssvc.net",
        "blob.core.windows.net", "servicebus.windows.net", "cloud.com",
    ):  # fmt: skip
        assert KNOWN.names_for(Wildcard(f"*.{domain}"), "Acme1"), domain
        found = KNOWN.domain_of(f"x.{domain}")
        assert found is not None
        assert found.inspection is not Inspection.UNSAID
    assert KNOWN.names_for(Wildcard("*.xendesktop.net"), "Acme1") == ["acme1.xendesktop.net"]


def test_gateway_addresses_alone_must_never_be_inspected():
    never = [domain.name for domain in KNOWN.domains if domain.inspection is Inspection.NEVER]
    assert never == ["nssvc.net"]


@pytest.mark.parametrize(
    ("pattern", "some"),
    [
        ("*.g.nssvc.net", ["global-all.g.nssvc.net"]),
        ("agenthub-*.citrixworkspacesapi.net", ["agenthub-us.citrixworkspacesapi.net"]),
        ("*.com", []),
        ("*.*", []),
        ("*.example.com", []),
        ("*.x.nssvc.net", []),
    ],
)
def test_names_for_a_wildcard(pattern, some):
    names = KNOWN.names_for(Wildcard(pattern), "acme1")
    assert set(some) <= set(names)
    assert bool(names) == bool(some)


@pytest.mark.parametrize(
    ("host", "region"),
    [
        ("agenthub-eu.citrixworkspacesapi.net", "eu"),
        ("agenthub-ap-s.citrixworkspacesapi.net", "ap-s"),
        ("us.cloud.com", "us"),
        ("api-us.cloud.com", "us"),
        ("acme1.xendesktop.jp", "jp"),
        ("citrix.citrixcloud.jp", "jp"),
        # No certainty: no region, a longer word, a deeper name, Azure's regions, Gateway sites.
        ("agenthub.citrixworkspacesapi.net", None),
        ("focus.cloud.com", None),
        ("map-s.cloud.com", None),
        ("x-eu.y.cloud.com", None),
        ("messaging-eastus-release-a.citrixworkspacesapi.net", None),
        ("ctxwsp-agent-westeurope.servicebus.windows.net", None),
        ("aws-eu-w.g.nssvc.net", None),
        ("eu.xendesktop.net", None),
        ("something-eu.example.com", None),
    ],
)
def test_a_region_is_told_only_where_it_is_certain(host, region):
    assert KNOWN.region_of(host) == (None if region is None else Region(region))


@pytest.mark.parametrize(
    ("host", "is_channel"),
    [
        ("global-all.g.nssvc.net", True),
        ("agenthub-eu.citrixworkspacesapi.net", True),
        ("messaging-eastus-release-a.citrixworkspacesapi.net", True),
        ("ctxwsp-agent-eastus.servicebus.windows.net", True),
        ("acme1.xendesktop.net", True),
        ("other.xendesktop.net", False),
        ("trust.citrixworkspacesapi.net", False),
        ("cwsproduction.blob.core.windows.net", False),
        ("nssvc.net.example.com", False),
    ],
)
def test_which_names_are_persistent_channels(host, is_channel):
    assert (KNOWN.channel_of(host, "AcMe1") is not None) is is_channel


def test_a_domain_is_no_mere_ending():
    assert KNOWN.domain_of("evil-cloud.com") is None
    found = KNOWN.domain_of("cloud.com")
    assert found is not None
    assert found.name == "cloud.com"


def test_broken_data_of_our_own_are_refused():
    with pytest.raises(ValueError, match="hearsay"):
        decode_names(
            'domains = []\nchannels = []\n[sources]\n[[names]]\nname = "a"\nsource = "hearsay"\n'
        )
