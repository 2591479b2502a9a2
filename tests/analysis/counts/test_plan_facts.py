"""What is read from a recorded scenario, be it whole or mangled."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stresser.analysis.counts.plan_facts import read_plan
from stresser.model.cohort import Cohort
from stresser.model.kill import Kill
from stresser.model.units import Duration
from stresser.scenario.lab_table import Middlebox
from stresser.scenario.plain import to_plain
from stresser.scenario.plan import Activity, Egress, Endpoint, Scenario
from tests.analysis.story import seconds
from tests.fakes.json_values import JSON

SCENARIO = Scenario(
    name="both",
    duration=Duration(seconds(60)),
    endpoints=[
        Endpoint(name="ws", url="wss://a.example.net/"),
        Endpoint(name="raw", url="lab+tls://echo"),
        Endpoint(name="bare", url="lab+tcp://mqtt"),
    ],
    egresses=[
        Egress(name="direct"),
        Egress(name="box", lab=Middlebox(idle_timeout=Duration(seconds(4)), kill=Kill.RESET)),
        Egress(name="wire", lab=Middlebox()),
    ],
    activities=[
        Activity(name="beat", every=Duration(seconds(15))),
        Activity(name="quiet", kind="silent"),  # type: ignore[arg-type] # as decoded
        Activity(name="broker", kind="mqtt"),  # type: ignore[arg-type] # as decoded
    ],
    thresholds={"drops": "= 0"},
)


def test_a_scenario_as_the_manifest_holds_it():
    plan = read_plan(to_plain(SCENARIO))
    assert (plan.name, plan.duration_ns) == ("both", seconds(60))
    assert plan.schemes == {"ws": "wss", "raw": "tls", "bare": "tcp"}
    assert plan.labs == {"box": "idle_timeout 4 s, kill reset", "wire": "only forwards"}
    assert plan.thresholds == {"drops": "= 0"}


@pytest.mark.parametrize(
    ("endpoint", "activity", "every_s", "is_muted", "is_silent"),
    [
        ("ws", "beat", 15, False, False),
        ("ws", "quiet", None, False, True),
        ("raw", "beat", None, True, True),
        ("ws", "no such", None, False, False),
    ],
)
def test_what_a_cohort_sends(endpoint, activity, every_s, is_muted, is_silent):
    plan = read_plan(to_plain(SCENARIO))
    cohort = Cohort(endpoint, "direct", activity)
    assert plan.pings_every_ns(cohort) == (every_s and seconds(every_s))
    assert plan.is_muted(cohort) is is_muted
    assert plan.is_silent(cohort) is is_silent


@pytest.mark.parametrize(
    ("endpoint", "activity", "merely_accepted"),
    [
        ("ws", "beat", False),
        ("raw", "quiet", False),
        ("bare", "beat", True),
        ("bare", "quiet", True),
        ("bare", "broker", False),
    ],
)
def test_what_the_endpoint_has_said_by_then(endpoint, activity, merely_accepted):
    plan = read_plan(to_plain(SCENARIO))
    assert plan.is_merely_accepted(Cohort(endpoint, "direct", activity)) is merely_accepted


TABLE_KEYS = st.sampled_from(["name", "url", "kind", "every", "lab", "idle_timeout"])
TABLES = st.lists(JSON | st.dictionaries(TABLE_KEYS, JSON, max_size=4), max_size=4)
KEYS = st.sampled_from(["name", "duration", "endpoints", "egresses", "activities", "thresholds"])


@pytest.mark.slow
@given(st.dictionaries(KEYS, JSON | TABLES))
def test_any_json_is_read_without_failing(scenario):
    plan = read_plan(scenario)
    assert all(words.isprintable() for words in plan.labs.values())


@pytest.mark.parametrize(
    ("activity", "is_kept"),
    [
        ("idle_search-tcp_keepalive", True), ("idle_search-ping", False), ("idle_search", False),
        ("kept", True), ("kept-tcp_keepalive", False), ("silent", False), ("other", False),
    ],
)  # fmt: skip
def test_whose_silence_tcp_keepalive_breaks(activity, is_kept):
    kinds = {"idle_search": "idle_search", "kept": "keepalive", "silent": "silent"}
    tables = [{"kind": kind, "name": name} for name, kind in kinds.items()]
    plan = read_plan({"activities": tables})
    assert plan.is_kept_alive(Cohort("broker", "vpn", activity)) is is_kept


@pytest.mark.parametrize("number", [10**30, 10**400, -1, True, "1e400h"])
def test_a_number_that_no_scenario_has_is_none(number):
    lab = {"idle_timeout": number, "byte_limit": number}
    plan = read_plan({"duration": number, "egresses": [{"name": "box", "lab": lab}]})
    assert plan.duration_ns is None
