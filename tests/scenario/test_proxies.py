"""Which proxy each way goes through, and what is said where it cannot."""

import pytest

from stresser.model.errors import ScenarioError
from stresser.model.proxy_login import ProxyAuth
from stresser.scenario.plan import Egress, Endpoint, Scenario
from stresser.scenario.proxies import resolve_proxies
from stresser.scenario.proxy_url import FROM_ENVIRONMENT

PASSWORD, EMPTY = "env:P", "env:EMPTY"
BROKER = Endpoint(name="broker", url="wss://broker.example.net/")
INNER = Endpoint(name="inner", url="tls://10.1.2.3:8443")
LAB = Endpoint(name="lab", url="lab+wss://echo")
ENVIRONMENT = {
    "https_proxy": "http://p.example.net:3128",
    "no_proxy": "10.0.0.0/8",
    "U": "zoe",
    "P": "hunter2",
    "COLON": "a:b",
    "EMPTY": "",
}


def resolved(*egresses, environment=ENVIRONMENT):
    plan = Scenario(name="s", endpoints=[BROKER, INNER, LAB], egresses=list(egresses))
    return resolve_proxies(plan, environment, "s.toml")


def test_each_way_has_its_proxy():
    found = resolved(
        Egress(name="direct"),
        Egress(name="vpn", interface="tun0"),
        Egress(name="proxy", proxy="socks5h://s.example.net:1080"),
        Egress(name="env", proxy=FROM_ENVIRONMENT),
    )
    assert {way: str(named.first) for way, named in found.items()} == {
        ("broker", "proxy"): "socks5h://s.example.net:1080",
        ("inner", "proxy"): "socks5h://s.example.net:1080",
        ("lab", "proxy"): "socks5h://s.example.net:1080",
        ("broker", "env"): "http://p.example.net:3128",
    }


def test_the_scenarios_credentials_go_before_the_environments():
    env = {**ENVIRONMENT, "https_proxy": "http://bob:secret@p.example.net:3128"}
    named = Egress(name="e", proxy=FROM_ENVIRONMENT, proxy_user="env:U", proxy_password=PASSWORD)
    for egress, expected in (
        (named, ("zoe", "hunter2")),
        (Egress(name="e", proxy=FROM_ENVIRONMENT), ("bob", "secret")),
    ):
        proxy = resolved(egress, environment=env)["broker", "e"].first
        assert proxy is not None
        assert proxy.user is not None
        assert proxy.password is not None
        assert (proxy.user.reveal(), proxy.password.reveal()) == expected


@pytest.mark.parametrize(
    ("egress", "said"),
    [
        ({"proxy_user": "env:NONE", "proxy_password": PASSWORD}, "NONE is not set; export it"),
        ({"proxy_user": "env:U", "proxy_password": EMPTY}, "variable EMPTY, the value is empty"),
        (
            {
                "proxy_user": "env:COLON",
                "proxy_password": PASSWORD,
                "proxy_auth": [ProxyAuth.BASIC],
            },
            "the user name has a colon",
        ),
        ({"proxy": FROM_ENVIRONMENT}, "proxy: the environment variable https_proxy holds no proxy"),
    ],
)
def test_a_mistake_is_one_line(egress, said):
    broken = {**ENVIRONMENT, "https_proxy": "http://zoe:hunter2@p:99999"}
    fields = {"name": "e", "proxy": "http://p.example.net:3128"} | egress
    with pytest.raises(ScenarioError) as refused:
        resolved(Egress(**fields), environment=broken)
    (line,) = refused.value.lines
    assert line.startswith("s.toml: egresses.e.proxy")
    assert said in line
    assert "hunter2" not in line
    assert "zoe" not in line


def test_a_colon_in_a_user_name_is_no_trouble_for_socks():
    egress = Egress(name="e", proxy="socks5://p:1", proxy_user="env:COLON", proxy_password=PASSWORD)
    assert resolved(egress)["broker", "e"].first.user is not None
