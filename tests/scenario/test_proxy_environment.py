"""curl's rules for https_proxy and no_proxy, and curl itself as the judge of them."""

import os
import select
import socket
import subprocess

import pytest

from stresser.scenario.plan import Scheme
from stresser.scenario.proxy_environment import is_exempt, proxy_from_environment
from tests.fakes.tools import tool

# (host, no_proxy, exempt). The cases of curl's own test (unit1614) and of its manual, and ours.
SHARED = [
    ("www.example.com", "localhost,.example.com,.example.de", True),
    ("www.example.com.", "localhost,.example.com,.example.de", True),
    ("example.com", "localhost,.example.com,.example.de", True),
    ("www.example.com", "localhost,.example.com.,.example.de", True),
    ("www.example.com", "localhost,www.example.com.,.example.de", True),
    ("example.com", "localhost,example.com,.example.de", True),
    ("example.com.", "localhost,example.com,.example.de", True),
    ("www.example.com", "localhost,example.com,.example.de", True),
    ("nonexample.com", ".example.com, .example.net", False),
    ("nonexample.com", "example.com", False),
    ("www.example.com", "www2.example.com, .example.net", False),
    ("www.example.com", "foo, .example.com", True),
    ("www.example.com", "..example.com", False),
    ("EXAMPLE.com", "example.COM", True),
    ("127.0.0.1", "127.0.0.1,localhost", True),
    ("127.0.0.1", "127.0.0.1,localhost,", True),
    ("127.0.0.1", "127.0.0.1/8,localhost,", True),
    ("127.0.0.1", "127.0.0.1/28,localhost,", True),
    ("127.0.0.1", "127.0.0.1/31,localhost,", True),
    ("127.0.0.1", "localhost,127.0.0.1", True),
    ("127.0.0.1", "localhost," + "127.0.0.1." * 20, False),
    ("localhost", "localhost,127.0.0.1", True),
    ("localhost", "127.0.0.1,localhost", True),
    ("foobar", "barfoo", False),
    ("foobar", "foobar", True),
    ("192.168.0.1", "foobar", False),
    ("192.168.0.1", "192.168.0.0/16", True),
    ("192.168.0.1", "192.168.0.0/24", True),
    ("192.168.0.1", "192.168.0.0/32", False),
    ("192.168.0.1", "192.168.0.0", False),
    ("192.168.1.1", "192.168.0.0/24", False),
    ("192.168.1.1", "foo, bar, 192.168.0.0/24", False),
    ("192.168.1.1", "foo, bar, 192.168.0.0/16", True),
    ("192.160.0.1", "192.160.0.1/33", False),
    ("192.160.0.1", "192.160.0.1/0", True),
    ("10.1.2.3", "0.0.0.0/0", False),
    ("10.1.2.3", "10.1.2.3/", True),
    ("10.1.2.3", "10.1.2.0/x", False),
    ("10.1.2.3", "10.1.2", False),
    ("10.1.2.3", ".2.3", False),
    ("10.1.2.3", "10.1.2.3:443", False),
    ("bar", "foo, bar, ::1/64", True),
    ("BAr", "foo,,,,,              bar, ::1/64", True),
    ("x.example.com", "x.example.com:443", False),
    ("x.example.com", "*", True),
    ("x.example.com", " *", False),
    ("x.example.com", "foo,*", False),
    ("x.example.com", "*.example.com", False),
    ("x.example.com", ".", False),
    ("x.example.com", "", False),
    ("x.example.com", ",,,", False),
    ("x.example.com", ",,x.example.com", True),
    ("2001:db8::1", "2001:db8::1", True),
    ("2001:db8::1", "[2001:db8::1]", False),
    ("2001:db8::1", "192.168.0.0/16", False),
    ("2001:db8::1", "2001:db8::1/129", False),
]
# What versions of curl differ in: this is what its manual says, and newer ones do.
OURS = [
    ("www.example.com", "localhost .example.com,.example.de", False),  # older ones part at blanks
    ("localhost", "localhost .example.com,.example.de", True),
    ("2001:db8::1", "2001:db8::/32", True),  # older ones compare such hosts as text
    ("2001:db8::1", "2001:db8::/29", True),
    ("2001:db9::1", "2001:db8::/32", False),
    ("::1", "0:0::1", True),
]


@pytest.mark.parametrize(("host", "no_proxy", "exempt"), SHARED + OURS)
def test_no_proxy(host, no_proxy, exempt):
    assert is_exempt(host, no_proxy) is exempt


class Doors:
    """Two listeners that hang up: whom does curl call?"""

    def __init__(self, curl: str) -> None:
        self.curl = curl
        self.origin = socket.create_server(("127.0.0.1", 0))
        self.proxy = socket.create_server(("127.0.0.1", 0))
        self.port = self.origin.getsockname()[1]
        self.proxy_port = self.proxy.getsockname()[1]

    def curl_goes_directly(self, host: str, environment: dict[str, str]) -> bool:
        where = f"[{host}]" if ":" in host else host
        command = [self.curl, "--silent", "--connect-to", f"::127.0.0.1:{self.port}"]
        process = subprocess.Popen(
            [*command, f"https://{where}:{self.port}/"],
            env={"PATH": os.environ["PATH"], **environment},
            stdout=subprocess.DEVNULL,
        )
        ready, _, _ = select.select([self.origin, self.proxy], [], [], 10)
        assert ready, "curl called nobody"
        ready[0].accept()[0].close()
        process.wait(10)
        return ready[0] is self.origin


@pytest.fixture(scope="module")
def doors():
    made = Doors(tool("curl"))
    with made.origin, made.proxy:
        yield made


@pytest.mark.slow
@pytest.mark.parametrize(("host", "no_proxy", "exempt"), SHARED)
def test_curl_does_the_same(doors, host, no_proxy, exempt):
    proxy = f"http://127.0.0.1:{doors.proxy_port}"
    went = doors.curl_goes_directly(host, {"https_proxy": proxy, "no_proxy": no_proxy})
    assert went is exempt


USED = "http://127.0.0.1:{port}"
VARIABLES = [
    ({"https_proxy": USED}, True),
    ({"HTTPS_PROXY": USED}, True),
    ({"all_proxy": USED}, True),
    ({"ALL_PROXY": USED}, True),
    ({"http_proxy": USED}, False),
    ({"HTTP_PROXY": USED}, False),
    ({}, False),
    ({"https_proxy": "", "HTTPS_PROXY": USED}, True),
    ({"https_proxy": "", "all_proxy": ""}, False),
    ({"https_proxy": "127.0.0.1:{port}"}, True),
    ({"https_proxy": USED + "/"}, True),
    ({"https_proxy": "http://u:p@127.0.0.1:{port}"}, True),
    ({"https_proxy": USED, "no_proxy": "x.test", "NO_PROXY": ""}, False),
    ({"https_proxy": USED, "NO_PROXY": "x.test"}, False),
    ({"https_proxy": USED, "no_proxy": "", "NO_PROXY": "x.test"}, False),
    ({"https_proxy": USED, "no_proxy": "other", "NO_PROXY": "x.test"}, True),
    ({"all_proxy": USED, "NO_PROXY": "*"}, False),
]


@pytest.mark.parametrize(("environment", "used"), VARIABLES)
def test_which_variable(doors, environment, used):
    told = {name: value.format(port=doors.proxy_port) for name, value in environment.items()}
    found = proxy_from_environment(Scheme.TLS, "x.test", told)
    assert (found is not None) is used
    if found is not None:
        assert (found.host, found.port) == ("127.0.0.1", doors.proxy_port)
    assert doors.curl_goes_directly("x.test", told) is not used


def test_lower_case_goes_first_and_wss_has_variables_of_its_own():
    told = {
        name: f"http://{name.lower().replace('_', '-')}{'-upper' * name.isupper()}.test:1"
        for name in (
            "wss_proxy",
            "WSS_PROXY",
            "https_proxy",
            "HTTPS_PROXY",
            "all_proxy",
            "ws_proxy",
            "WS_PROXY",
            "http_proxy",
            "HTTP_PROXY",
        )
    } | {"ALL_PROXY": "http://all-proxy-upper.test:1"}
    order: dict[Scheme, list[str]] = {}
    for scheme in Scheme:
        left = dict(told)
        while (found := proxy_from_environment(scheme, "h", left)) is not None:
            order.setdefault(scheme, []).append(found.host.removesuffix(".test"))
            left = {name: url for name, url in left.items() if found.host not in url}
    shared = ["https-proxy", "https-proxy-upper", "all-proxy", "all-proxy-upper"]
    assert order == {
        Scheme.WSS: ["wss-proxy", "wss-proxy-upper", *shared],
        Scheme.TLS: shared,
        Scheme.WS: ["ws-proxy", "ws-proxy-upper", "http-proxy", *shared[2:]],
        Scheme.TCP: shared[2:],
    }


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("proxy.test", "http://proxy.test:1080"),
        ("http://proxy.test", "http://proxy.test:1080"),
        ("https://proxy.test", "https://proxy.test:443"),
        ("socks5h://proxy.test", "socks5h://proxy.test:1080"),
        ("SOCKS5://proxy.test:9/some/path?x#y", "socks5://proxy.test:9"),
        ("http://[2001:db8::7]:3128", "http://[2001:db8::7]:3128"),
    ],
)
def test_what_may_be_left_out(url, told):
    assert str(proxy_from_environment(Scheme.WSS, "h", {"https_proxy": url})) == told


@pytest.mark.parametrize(
    ("written", "user", "password"),
    [
        ("ann:hunter2", "ann", "hunter2"),
        ("ann", "ann", ""),
        ("a%3Ann:h%40unter%2F2", "a:nn", "h@unter/2"),
        ("ann:hunt@er2", "ann", "hunt@er2"),
    ],
)
def test_credentials_may_stand_in_the_environment(written, user, password):
    found = proxy_from_environment(
        Scheme.WSS, "h", {"https_proxy": f"socks5://{written}@proxy.test:1"}
    )
    assert found is not None
    assert found.user is not None
    assert found.password is not None
    assert (found.user.reveal(), found.password.reveal()) == (user, password)
    assert found.user.variable == "https_proxy"
    assert "hunt" not in repr(found)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("socks4://ann:hunter2@proxy.test:1", "is not a kind of proxy"),
        ("http://ann:hunter2@proxy.test:99999", "has no host and port"),
        ("http://ann:hunter2@", "has no host and port"),
        ("http://ann:hunter2@ /x", "has no host and port"),
        ("http://ann:hunter2%00@proxy.test:1", "control character"),
        ("http://ann:" + "hunter2" * 100 + "@proxy.test:1", "longer than 255"),
        ("http://" + "hunter2" * 20_000, "is not the URL of a proxy"),
    ],
)
def test_what_cannot_be_used_is_one_sentence_without_the_credentials(url, said):
    with pytest.raises(ValueError, match="the environment variable ALL_PROXY") as refused:
        proxy_from_environment(Scheme.WSS, "h", {"ALL_PROXY": url})
    text = str(refused.value)
    assert said in text
    assert "ann" not in text
    assert len(text) < 300
