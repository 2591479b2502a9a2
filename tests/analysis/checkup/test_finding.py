"""Findings: which make a check fail, and that names in them are bounded and escaped."""

import pytest

from stresser.analysis.checkup.finding import Concern, Finding, destinations, hosts, listed, named
from tests.fakes.checked import way


@pytest.mark.parametrize("concern", Concern)
def test_what_makes_a_check_fail(concern):
    failing = {Concern.FAILURE, Concern.INTERCEPTION, Concern.CHAIN, Concern.PORTAL,
               Concern.ADDRESS, Concern.HELLO}  # fmt: skip
    assert Finding(concern=concern, says="x", remedy="y").is_failure is (concern in failing)


def test_names_are_escaped_and_cut():
    assert named("\x1b[31mred") == r"\x1b[31mred"
    assert len(named("a" * 1000)) == 60


def test_lists_are_bounded_and_name_each_once():
    assert listed(["a", "b", "a"]) == "a, b"
    assert listed(str(n) for n in range(25)).endswith(", 19 and 5 more")


def test_hosts_and_destinations():
    ways = [way(), way(egress="vpn"), way("lab", host="", port=4711)]
    assert hosts(ways) == "broker.example.net, lab"
    assert destinations(ways) == "broker.example.net:443, lab:4711"
