"""PAC files of a scenario and of this system, asked before a run begins."""

from importlib.util import find_spec
from pathlib import Path

import pytest

from stresser.model.errors import ScenarioError
from stresser.run.proxy_choice import choose_proxies
from stresser.scenario.plan import Egress, Endpoint, Scenario
from stresser.scenario.proxy_url import FROM_ENVIRONMENT
from tests.fakes.tools import missing

if find_spec("quickjs") is None:
    missing("quickjs-ng, the extra stresser[pac], is not installed")

BROKER = Endpoint(name="broker", url="wss://broker.example.net/x?key=1")
INNER = Endpoint(name="inner", url="tls://10.1.2.3:8443")
LAB = Endpoint(name="lab", url="lab+wss://echo")
SCRIPT = """
function FindProxyForURL(url, host) {
  if (isInNet(host, "10.0.0.0", "255.0.0.0")) return "DIRECT";
  return "PROXY " + myIpAddress() + ":8080; DIRECT; PROXY " + url.length + ".x:1";
}
"""


@pytest.fixture
def corp(tmp_path):
    file = tmp_path / "corp.pac"
    file.write_text(SCRIPT)
    return file


def chosen(corp, *egresses, environment=None):
    plan = Scenario(name="s", endpoints=[BROKER, INNER, LAB], egresses=list(egresses))
    found = choose_proxies(plan, environment or {}, corp.parent / "s.toml", "s.toml")
    return {
        pair: [None if one is None else str(one) for one in named.entries]
        for pair, named in found.items()
    }


def refusal(corp, *egresses, environment=None):
    with pytest.raises(ScenarioError) as refused:
        chosen(corp, *egresses, environment=environment)
    return refused.value.lines


def test_each_endpoint_has_what_the_pac_says_of_it(corp):
    egress = Egress(name="corp", source="127.0.0.9", proxy="pac:corp.pac")
    assert chosen(corp, egress, Egress(name="direct")) == {
        ("broker", "corp"): ["http://127.0.0.9:8080", None, "http://25.x:1"],
        ("inner", "corp"): [None],
    }


def test_credentials_go_to_every_proxy_of_the_list(corp):
    egress = Egress(name="c", proxy="pac:corp.pac", proxy_user="env:U", proxy_password="env:P")  # noqa: S106 - a name
    plan = Scenario(name="s", endpoints=[BROKER], egresses=[egress])
    named = choose_proxies(plan, {"U": "ann", "P": "hunter2"}, corp, "s.toml")["broker", "c"]
    users = [one and one.user and one.user.reveal() for one in named.entries]
    assert users == ["ann", None, "ann"]
    assert "hunter2" not in repr(named)


def test_the_environments_word_goes_before_the_systems_pac(corp):
    egress = Egress(name="env", proxy=FROM_ENVIRONMENT)
    system = {"auto_proxy": corp.as_uri()}
    by_pac = ("broker", "env")
    for environment, first in (
        (system, ":8080"),
        (system | {"https_proxy": "http://p.example.net:3128"}, "p.example.net:3128"),
    ):
        found = chosen(corp, egress, environment=environment)
        assert found[by_pac][0].endswith(first)
    assert by_pac not in chosen(corp, egress, environment=system | {"no_proxy": "example.net"})
    assert chosen(corp, egress, environment={"auto_proxy": ""}) == {}


def test_a_systems_pac_that_cannot_be_had_leads_directly_and_is_said(corp):
    egress = Egress(name="env", proxy=FROM_ENVIRONMENT)
    for url, why in (
        ("http://127.0.0.1:9/wpad.dat", "cannot be read: Connection refused"),
        ("ftp://wpad/x", "a PAC file is read by http"),
    ):
        plan = Scenario(name="s", endpoints=[BROKER], egresses=[egress])
        found = choose_proxies(plan, {"auto_proxy": url}, corp, "s.toml")["broker", "env"]
        assert found.entries == (None,)
        assert found.chosen_by is not None
        assert found.chosen_by.failure is not None
        assert found.chosen_by.failure.startswith(why)
        assert found.chosen_by.source == f"{url} (the environment variable auto_proxy)"


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (None, "pac:corp.pac cannot be read: No such file"),
        ("x", "pac:corp.pac fails when it is loaded: ReferenceError: x is not defined"),
        ("function FindProxyForURL(u) { return 'SOCKS s:1' }",
         '"pac:corp.pac" says "SOCKS s:1" of "wss://broker.example.net/": "SOCKS s:1" is SOCKS 4'),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line(corp, script, said):
    corp.unlink() if script is None else corp.write_text(script)
    (line,) = refusal(corp, Egress(name="c", proxy="pac:corp.pac"))
    assert line.startswith(f"s.toml: egresses.c.proxy: {said}")


def test_each_egress_has_its_own_mistake(corp):
    lines = refusal(corp, *(Egress(name=name, proxy=f"pac:{name}") for name in ("a", "b")))
    assert [line.partition(" cannot")[0] for line in lines] == [
        f"s.toml: egresses.{name}.proxy: pac:{name}" for name in ("a", "b")
    ]


def test_a_path_is_relative_to_the_scenario(corp, monkeypatch):
    monkeypatch.chdir("/")
    assert chosen(corp, Egress(name="c", proxy="pac:./corp.pac"))["inner", "c"] == [None]
    assert chosen(corp, Egress(name="c", proxy=f"pac:{Path(corp)}"))["inner", "c"] == [None]
