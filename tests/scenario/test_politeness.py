"""How many sessions a service is asked to hold, and whose service."""

import pytest

from stresser.model.errors import ScenarioError
from stresser.scenario.decode import decode_scenario
from stresser.scenario.plan import Endpoint, Sessions
from stresser.scenario.politeness import is_own, too_many_sessions


@pytest.mark.parametrize(
    ("url", "address", "own"),
    [
        ("wss://broker.example.net/", None, False),
        ("wss://192.0.2.1/", None, False),
        ("wss://127.0.0.1/", None, True),
        ("tls://[::1]:8443", None, True),
        ("wss://localhost:8443/", None, True),
        ("wss://x.localhost/", None, True),
        ("wss://notlocalhost/", None, False),
        ("lab+wss://echo", None, True),
        ("wss://broker.example.net/", "127.0.0.1", True),
        ("wss://localhost/", "192.0.2.1", False),
    ],
)
def test_whose_endpoint_it_is(url, address, own):
    assert is_own(Endpoint(name="e", url=url, address=address)) is own


def test_the_cap_counts_all_egresses_and_activities():
    theirs = Endpoint(name="theirs", url="wss://broker.example.net/")
    mine = Endpoint(name="mine", url="lab+wss://echo")
    assert too_many_sessions(Sessions(count=250), [theirs], 2, 2) is None
    assert too_many_sessions(Sessions(count=251), [mine], 2, 2) is None
    said = too_many_sessions(Sessions(count=251), [mine, theirs], 2, 2)
    assert said is not None
    assert "1004 sessions on endpoint theirs" in said
    assert "write max_per_endpoint = 1004" in said
    assert too_many_sessions(Sessions(count=251, max_per_endpoint=1004), [theirs], 2, 2) is None


HEAD = 'name = "s"\n[[endpoints]]\nname = "e"\nurl = "wss://b.example.net/"\n'


def test_it_is_a_mistake_of_the_scenario_with_its_mend():
    text = HEAD + "[sessions]\ncount = 1001\n"
    with pytest.raises(ScenarioError) as refused:
        decode_scenario(text.encode(), "s.toml")
    (line,) = refused.value.lines
    assert line.startswith("s.toml: sessions.count: ")
    decode_scenario((text + "max_per_endpoint = 1001\n").encode(), "s.toml")


def test_it_is_the_options_mistake_where_an_option_made_it():
    with pytest.raises(ScenarioError) as refused:
        decode_scenario(HEAD.encode(), "s.toml", [("sessions.count", "5000")])
    (line,) = refused.value.lines
    assert line.startswith("--set sessions.count: ")
