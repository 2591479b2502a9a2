"""The written scenario: ours to decode, polite, and nothing of the allowlist runs wild in it."""

import itertools
import tomllib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stresser.citrix.allowlist_file import read_allowlist
from stresser.citrix.citrix_plan import MOST_ENDPOINTS, make_plan
from stresser.citrix.known_names import Region
from stresser.citrix.scenario_text import CitrixWishes, scenario_text
from stresser.cli.citrix import known_names
from stresser.scenario.decode import LARGEST_FILE, decode_scenario
from stresser.scenario.plan import ActivityKind, Reconnect, Scenario
from tests.citrix.allowlists import V1, V2, V2_BY_DIRECTION, V2_SERVICES, V2_ZSCALER, as_bytes
from tests.fakes.thoroughness import examples

KNOWN = known_names()


def text_for(tree, *, regions=(), expand=False, wishes=None) -> str:
    allowlist = read_allowlist(as_bytes(tree), "list.json", "Acme1")
    plan = make_plan(allowlist, KNOWN, "Acme1", regions=regions, expand=expand)
    return scenario_text(plan, KNOWN, wishes or CitrixWishes(sessions=2, source="list.json"))


def decoded(text: str) -> Scenario:
    assert text.isascii()
    assert text.endswith("\n")
    return decode_scenario(text.encode(), "made.toml")


@pytest.mark.parametrize(
    ("tree", "regions", "expand"),
    list(
        itertools.product(
            [V1, V2, V2_BY_DIRECTION, V2_SERVICES, V2_ZSCALER], [(), (Region.EU,)], [False, True]
        )
    ),
)
def test_every_scenario_decodes(tree, regions, expand):
    scenario = decoded(text_for(tree, regions=regions, expand=expand))
    assert scenario.name == "citrix-acme1"
    assert scenario.endpoints
    assert all(endpoint.url.startswith("tls://") for endpoint in scenario.endpoints)


def test_it_is_polite():
    scenario = decoded(text_for(V1))
    sessions = scenario.sessions
    assert sessions.count == 2
    assert sessions.attempts_per_second_per_endpoint <= 1
    assert sessions.handshakes_in_flight <= 4
    assert isinstance(sessions.reconnect, Reconnect)
    assert sessions.reconnect.initial.seconds >= 60
    [activity] = scenario.activities
    assert activity.kind is ActivityKind.SILENT


@pytest.mark.parametrize("sessions", [1, 2, 20])
def test_quiet_sessions_are_proved(sessions):
    """Silence shows nothing: some sessions of each cohort are closed while the run goes on."""
    scenario = decoded(text_for(V1, wishes=CitrixWishes(sessions=sessions)))
    [activity] = scenario.activities
    assert activity.prove is not None
    assert activity.prove.seconds == 300
    assert activity.prove_share > 0
    assert scenario.duration is not None
    assert activity.prove.seconds < scenario.duration.seconds / 16


@pytest.mark.parametrize("number", [1, 150, MOST_ENDPOINTS])
def test_the_ramp_grows_with_the_sessions(number):
    tree = {"S": {"AllowList": [f"h{n}.example.com" for n in range(number)]}}
    wishes = CitrixWishes(sessions=3, egresses=[("direct", "eth0"), ("vpn", "tun0")])
    scenario = decoded(text_for(tree, wishes=wishes))
    total = number * 3 * 2
    assert total / 2 <= max(60, scenario.sessions.ramp.seconds) <= total / 2 + 60
    assert f"{total} sessions in all" in text_for(tree, wishes=wishes)


def test_egresses_are_written_or_shown_how_to_write():
    egresses = [("direct", "eth0"), ("vpn", 'tun"0\\')]
    scenario = decoded(text_for(V1, wishes=CitrixWishes(sessions=1, egresses=egresses)))
    assert [(egress.name, egress.interface) for egress in scenario.egresses] == egresses
    without = text_for(V1)
    assert [egress.interface for egress in decoded(without).egresses] == [None]
    assert '# interface = "tun0"' in without


def test_comments_say_what_must_not_be_inspected_and_what_was_not_dialled():
    text = text_for(V1, regions=[Region.US])
    gateway, _, rest = text.partition("global-all.g.nssvc.net")
    assert "TLS inspection CANNOT be performed here [proxy]" in gateway
    assert gateway.count("persistent channel:") == 2
    assert "CANNOT" not in rest
    for line in (
        "#   *.c.nssvc.net: reg.c.nssvc.net",
        "# Of other regions, left out:\n#   agenthub-eu.citrixworkspacesapi.net",
        "# Sections without a list:\n#   Retired",
        "#   LatestChangeLog (3)",
    ):
        assert line in text
    assert "not of a domain that stresser knows" in rest
    assert "persistent channel" not in rest.partition("not of a domain")[2]


def test_networks_and_inbound_stand_in_comments_alone():
    text = text_for(V2)
    assert "not dialled:\n#   192.0.2.0/24 (port 443)\n" in text
    assert "not dialled:\n#   198.51.100.0/24\n#   egress.example.net\n" in text
    assert 'NOT UNDERSTOOD:\n#   services[0].documentation: "docs.citrix.com" looks' in text
    urls = [endpoint.url for endpoint in decoded(text).endpoints]
    assert not any("egress" in url or "old" in url for url in urls)


def test_it_says_which_proxy_a_connector_takes_and_what_differs_here():
    here = "the environment names the proxy http://p.example.net:3128 for 12 of 13 names " * 2
    text = text_for(V1, wishes=CitrixWishes(sessions=1, host_settings=[here, "\x1b[31m"]))
    plain = " ".join(line.removeprefix("# ") for line in text.splitlines())
    assert "A Connector's services take WinHTTP's proxy" in plain
    assert "no PAC file [proxy]" in plain
    assert f"Here: {here.strip()}" in plain
    assert "Here: \\x1b[31m" in plain
    assert [egress.proxy for egress in decoded(text).egresses] == [None]


def test_what_is_new_since_an_older_list_is_marked():
    wishes = CitrixWishes(sessions=1, since="old.json", new={"eu.cloud.com": "TCP 8443"})
    text = text_for(V1, wishes=wishes)
    assert text.count("# new since old.json") == 1
    assert '# new since old.json: TCP 8443\n[[endpoints]]\nname = "eu.cloud.com"' in text


def test_what_the_list_says_of_ports_regions_and_dates_stands_beside_the_names():
    text = text_for(V2_SERVICES)
    urls = [endpoint.url for endpoint in decoded(text).endpoints]
    assert "tls://eu.g.nssvc.net:443" in urls
    assert not any("agent.example.net" in url for url in urls)
    for lines in (
        (
            "# to be let through as well, and not dialled: UDP 443\n"
            "# the list says: regions eu; updated 2026-10-07\n"
            '[[endpoints]]\nname = "eu.g.nssvc.net"'
        ),
        (
            "# the list says: regions eu; updated 2026-10-07, effectiveDate 2027-01-15\n"
            '[[endpoints]]\nname = "acme1.xendesktop.net"'
        ),
        (
            "# On other ports alone, where the list does not say TLS, not dialled:\n"
            "#   agent.example.net (TCP 8443, UDP 9000-9001; regions eu; "
        ),
        "# Inbound, they connect to you, not dialled:\n#   acme1.xendesktop.net (TCP 443;",
        "# Dates of the list:\n#   lastUpdated: 2026-11-01\n",
    ):
        assert lines in text


def test_the_longest_of_everything_is_still_a_scenario():
    label = "a" * 60
    names = [f"{label}.{label}.{label}.h{n:04}.example.com:65535" for n in range(MOST_ENDPOINTS)]
    junk = [f"{n} " + "\U0001f600" * 300 for n in range(300)]
    junk += [f"*.w{n}.{label}.com" for n in range(3000)]
    wide = "\U0001f600" * 300
    sections = {f"{n}{wide}": {"AllowList": names, "\u202e" * 300: 1} for n in range(3)}
    tree = {**sections, "junk": {"AllowList": [*junk, *(f"10.{n}.0.0/16" for n in range(250))]}}
    text = text_for(tree, expand=True)
    assert len(text) < LARGEST_FILE
    assert len(decoded(text).endpoints) == MOST_ENDPOINTS


def test_the_longest_of_all_that_a_list_may_say_is_still_a_scenario():
    label = "a" * 60
    wide = "\U0001f600" * 300
    names = [f"{label}.{label}.{label}.h{n:04}.nssvc.net" for n in range(MOST_ENDPOINTS)]
    tree = [
        {
            "name": f"{n}{wide}",
            "fqdns": names,
            "region": [wide, f"{n}"],
            "notes": f"{n}{wide}",
            "ports": [443, *range(1000, 1015)],
            f"{n}{wide}": "2026-01-01",
        }
        for n in range(6)
    ]
    wishes = CitrixWishes(
        sessions=1,
        since=wide,
        new=dict.fromkeys(names, wide),
        host_settings=[wide] * 3,
        source=wide,
    )
    text = text_for(tree, wishes=wishes)
    assert len(text) < LARGEST_FILE
    assert len(decoded(text).endpoints) == MOST_ENDPOINTS
    assert text.count("# new since ") == MOST_ENDPOINTS


OFTEN = settings(
    max_examples=examples(150),
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
HOSTILE = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        [
            'x"\nname = "evil',
            "a.example.com\n[[endpoints]]",
            "\x1b[31m.com",
            "\u202emoc.elpmaxe",
            "*.nssvc.net",
            "b.example.com",
            "\ud800",
            '"""',
        ]
    ),
)


@OFTEN
@given(
    st.dictionaries(
        HOSTILE,
        st.fixed_dictionaries({"AllowList": st.lists(HOSTILE, max_size=5)}),
        max_size=4,
    ),
    HOSTILE,
)
def test_a_hostile_file_adds_names_and_comments_and_nothing_else(sections, source):
    tree = {**sections, "sure": {"AllowList": ["a.cloud.com"]}}
    text = text_for(tree, wishes=CitrixWishes(sessions=1, source=source))
    assert set(text) <= {"\n", *map(chr, range(0x20, 0x7F))}
    keys = {"name", "duration", "sessions", "activity", "endpoints", "thresholds"}
    assert set(tomllib.loads(text)) == keys
    assert all(set(endpoint) == {"name", "url"} for endpoint in tomllib.loads(text)["endpoints"])
    decoded(text)


@OFTEN
@given(
    st.fixed_dictionaries(
        dict.fromkeys(("name", "notes", "region", "direction", "ports", "updated"), HOSTILE)
    ),
    st.lists(HOSTILE, max_size=3),
    st.dictionaries(HOSTILE, st.just("2026-01-01"), max_size=2),
)
def test_nothing_that_a_list_says_beside_a_name_is_more_than_a_comment(facts, hosts, dates):
    tree = [{**dates, **facts, "fqdns": hosts}, {"fqdns": ["a.cloud.com"], **facts}]
    tree.append({"fqdns": ["sure.cloud.com"]})
    wishes = CitrixWishes(
        sessions=1,
        since=facts["name"],
        new=dict.fromkeys(hosts, facts["notes"]),
        host_settings=[facts["notes"]],
    )
    text = text_for(tree, wishes=wishes)
    assert set(text) <= {"\n", *map(chr, range(0x20, 0x7F))}
    keys = {"name", "duration", "sessions", "activity", "endpoints", "thresholds"}
    assert set(tomllib.loads(text)) == keys
    decoded(text)
