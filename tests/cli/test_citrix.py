"""`stresser citrix` as a user runs it."""

import json
import re
import sys
from pathlib import Path

import pytest

from stresser.citrix.allowlist_file import LARGEST_FILE
from stresser.cli.citrix import citrix, known_names
from stresser.cli.scenario_file import load_scenario, shipped_names
from stresser.model.errors import StresserError
from stresser.scenario.decode import decode_scenario
from tests.citrix.allowlists import V1, V2, V2_ZSCALER, as_bytes
from tests.cli.in_process import Said, stresser_says
from tests.cli.run_process import ROOT


@pytest.fixture
def allowlist(tmp_path):
    path = tmp_path / "allowlist.json"
    path.write_bytes(as_bytes(V1))
    return path


def say(*arguments: object, stdin: bytes = b"") -> Said:
    return stresser_says("citrix", *map(str, arguments), stdin=stdin)


def refusal(*arguments: object) -> str:
    code, out, err = say(*arguments)
    assert (code, out) == (2, b"")
    [line] = err.splitlines()
    assert line.isprintable()
    return line


def test_the_scenario_goes_to_standard_output_and_what_was_made_of_the_file_to_error(allowlist):
    code, out, err = say(allowlist, "--customer", "Acme1", "--region", "us", "--expand")
    assert code == 0
    scenario = decode_scenario(out, "out.toml")
    assert len(scenario.endpoints) == 11
    assert "tls://acme1.xendesktop.net:443" in [one.url for one in scenario.endpoints]
    for words in (
        "version 1, 3 sections: 11 endpoints, 8 of them persistent channels",
        "not dialled: 1 wildcard, 0 networks, 0 inbound",
        "1 duplicate, 2 blanks",
        "--expand: 1 endpoint in place of wildcards",
        "regions us: 3 names left out; 10 kept whose region is not certain",
        "sections without a list: Retired",
        "other keys, not read: LatestChangeLog, SchemaVersion",
        "not understood: 0",
    ):
        assert words in err


@pytest.mark.slow
def test_the_scenario_proves_its_quiet_sessions(tmp_path):
    """As written, but for the lab in place of the service, and seconds in place of minutes."""
    _, out, _ = say("-", "--customer", "acme1", stdin=b'["a.cloud.com"]')
    text = out.decode()
    for written, here in (
        ('"tls://a.cloud.com:443"', '"lab+tls://echo"'),
        ('ramp = "1m"', 'ramp = "0s"'),
        ('initial = "1m"', 'initial = "100ms"'),
        ("attempts_per_second_per_endpoint = 0.5", "attempts_per_second_per_endpoint = 5"),
        ('prove = "5m"', 'prove = "1s"'),
        ('duration = "8h"', 'duration = "4s"'),
    ):
        assert text.count(written) == 1
        text = text.replace(written, here)
    scenario = tmp_path / "made.toml"
    scenario.write_text(text)
    code, printed, err = stresser_says("run", str(scenario), "--out", str(tmp_path), "--json")
    assert code == 0, err
    total = json.loads(printed)["total"]
    assert total["proved"] >= 3  # two at the end, and one that was closed before
    assert (total["unproved"], total["drops"]) == (0, 0)


def test_standard_input():
    code, out, err = say("-", "--customer", "acme1", stdin=as_bytes(V2))
    assert code == 0
    assert b"from standard input, version 2" in out
    assert "not understood: 1\n    services[0].documentation:" in err


def test_out_is_written_once_and_replaced_only_by_force(allowlist, tmp_path):
    out = tmp_path / "made.toml"
    code, printed, err = say(allowlist, "--customer", "acme1", "--out", out)
    assert (code, printed) == (0, b"")
    assert f"look through {out}" in err
    first = out.read_bytes()
    assert load_scenario(str(out)).scenario.name == "citrix-acme1"
    again = refusal(allowlist, "--customer", "other", "--out", out)
    assert again.endswith("exists; --force replaces it")
    assert out.read_bytes() == first
    code, _, _ = say(allowlist, "--customer", "other", "--out", out, "--force")
    assert code == 0
    assert load_scenario(str(out)).scenario.name == "citrix-other"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["allowlist.json", "made.toml"]


def test_the_allowlist_itself_is_not_replaced_even_by_force(allowlist):
    before = allowlist.read_bytes()
    line = refusal(allowlist, "--customer", "acme1", "--out", allowlist, "--force")
    assert "is the allowlist itself" in line
    assert allowlist.read_bytes() == before


@pytest.fixture
def newer(tmp_path):
    path = tmp_path / "newer.json"
    path.write_bytes(as_bytes(V2_ZSCALER))
    return path


def test_two_lists_are_compared_and_no_scenario_is_made(allowlist, newer):
    code, out, err = say(newer, "--customer", "acme1", "--since", allowlist, "--region", "us")
    assert (code, err) == (0, "")
    lines = out.decode().splitlines()
    assert lines[0] == (
        f"{allowlist} (version 1) and {newer} (version 2, format=zscaler), regions: us"
    )
    new = lines[1 : lines.index("Gone: 10")]
    assert new == [
        "New, to be let through: 5",
        "  outbound *.nssvc.net, TCP 443, UDP 443 (Citrix DaaS)",
        "  outbound 2001:db8::/32, TCP 443, UDP 443 (Citrix DaaS)",
        "  outbound api.cloud.com, TCP 443, UDP 443 (Citrix DaaS)",
        "  outbound citrix.cloud.com, TCP 80 (Console)",
        (
            "  outbound relay.servicebus.windows.net, TCP 9350-9354 (MCS: not required; machine "
            "creation)"
        ),
    ]
    assert "eu.cloud.com" not in out.decode()
    code, out, _ = say(newer, "--customer", "acme1", "--since", newer)
    assert (code, out.decode().splitlines()[1:]) == (
        0, ["New, to be let through: nothing", "Gone: nothing"],
    )  # fmt: skip


def test_the_comparison_says_what_it_could_not_compare(allowlist, tmp_path):
    old = tmp_path / "old.json"
    old.write_text('{"fqdns": ["a.cloud.com", "x\\u001b y"]}')
    _, _, err = say(allowlist, "--customer", "acme1", "--since", old)
    assert err == (
        f"{old}: 1 place not understood and not compared:\n"
        '  fqdns[1]: "x\\x1b y" is not a host name\n'
    )


def test_with_out_the_scenario_is_made_too_and_marks_what_is_new(allowlist, newer, tmp_path):
    out = tmp_path / "made.toml"
    code, printed, said = say(newer, "--customer", "acme1", "--since", allowlist, "--out", out)
    assert code == 0
    assert printed.startswith(str(allowlist).encode())
    assert load_scenario(str(out)).scenario.endpoints
    marked = [line for line in out.read_text().splitlines() if line.startswith("# new since ")]
    assert [line.rpartition(": ")[2] for line in marked] == ["TCP 443, UDP 443", "TCP 80"]
    assert "no direction is said in this form: all of it is taken as outbound" in said
    line = refusal(newer, "--customer", "a", "--since", allowlist, "--out", allowlist, "--force")
    assert "is the allowlist itself" in line
    assert "cannot be read" in refusal(newer, "--customer", "a", "--since", tmp_path / "none")


def test_it_warns_of_proxies_that_a_connector_does_not_take(allowlist):
    proxy = "http://me:secret@p.example.net:3128"
    words = ("citrix", str(allowlist), "--customer", "acme1")
    code, out, err = stresser_says(*words, https_proxy=proxy, no_proxy="")
    assert code == 0
    said = (
        "the environment names the proxy http://p.example.net:3128 for 13 of 13 names: curl takes "
        "it, a Connector does not"
    )
    assert f"  proxies: {said}" in err
    assert said in out.decode().replace("\n# ", " ")
    assert "secret" not in out.decode() + err


@pytest.mark.skipif(sys.platform == "win32", reason="there WinHTTP is asked")
def test_elsewhere_it_says_what_cannot_be_known(allowlist, monkeypatch):
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    _, out, err = say(allowlist, "--customer", "acme1")
    [line] = [line for line in err.splitlines() if "proxies:" in line]
    assert "this is no Windows host: the environment alone was looked at" in line
    assert b"# Here: this is no Windows host" in out


def test_a_refused_file_leaves_no_out_behind(tmp_path):
    bad = tmp_path / "bad.json"
    bad.write_text("<html>")
    out = tmp_path / "made.toml"
    assert "bad.json: line 1, column 1: not JSON" in refusal(bad, "--customer", "a", "--out", out)
    assert not out.exists()


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--customer", "ac me"], '--customer: "ac me" is not a customer ID: 1 to 12 letters'),
        (["--customer", "\x1b[31m"], '--customer: "\\x1b[31m" is not a customer ID'),
        (["--customer", "a", "--region", "moon"], '--region: "moon" is no region; known are us,'),
        (["--customer", "a", "--egress", "vpn"], "is not NAME=INTERFACE"),
        (["--customer", "a", "--egress", "v p=tun0"], "is not NAME=INTERFACE"),
        (["--customer", "a", "--egress", "v=a/b"], "is not NAME=INTERFACE"),
        (["--customer", "a", "--egress", "v=a", "--egress", "v=b"], '--egress: "v" is there twice'),
        (["--customer", "a", "--out", "/no-such-folder/x.toml"], "cannot be written: No such file"),
        (["--customer", "a", "--out", "x" * 5000], "cannot be written: File name too long"),
    ],
)
def test_a_mistake_in_the_options_is_one_line(allowlist, options, line):
    assert line in refusal(allowlist, *options)


def test_an_unreadable_file_is_one_line(tmp_path):
    assert "No such file" in refusal(tmp_path / "none.json", "--customer", "a")
    assert "Is a directory" in refusal(tmp_path, "--customer", "a")
    assert "cannot be read" in refusal("x" * 5000, "--customer", "a")


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no /dev/zero on this system")
def test_an_endless_file_is_read_to_the_limit_only():
    assert "has more than 4 MiB" in refusal("/dev/zero", "--customer", "a")
    assert LARGEST_FILE == 2**22


def test_the_address_is_printed_and_nothing_is_fetched():
    code, out, err = say("--customer", "Acme1", "--region", "EU", "--region", "jp", "--address")
    assert code == 0
    european, japanese = out.decode().splitlines()
    assert european == (
        "https://api.cloud.com/connectivity/v2/allowlist?customerId=Acme1&format=json&geo=eu"
    )
    assert japanese.startswith("https://api.citrixcloud.jp/connectivity/v2/allowlist?")
    assert f"curl -fo allowlist.json '{european}': stresser fetches nothing itself." in err
    assert "format=zscaler" in err


def test_without_a_file_the_line_says_where_it_is_fetched(allowlist):
    line = refusal("--customer", "acme1", "--region", "ap-s")
    assert line.startswith("FILE is missing: fetch the vendor's list, such as by curl -fo ")
    assert "customerId=acme1&format=json&geo=ap-s'" in line
    assert refusal("--customer", "a b", "--address").startswith('--customer: "a b" is not a')
    assert "--address stands alone" in refusal(allowlist, "--customer", "a", "--address")


@pytest.mark.parametrize("sessions", ["0", "21", "many"])
def test_sessions_stay_polite(allowlist, sessions):
    code, out, err = say(allowlist, "--customer", "a", "--sessions", sessions)
    assert (code, out) == (2, b"")
    assert "--sessions" in err


def test_egresses_and_sessions_reach_the_scenario(allowlist, capfdbinary):
    citrix(
        str(allowlist),
        customer="acme1",
        sessions=7,
        egress=["direct=eth0", "vpn=tun0"],
        region=["EU", "jp"],
    )
    scenario = decode_scenario(capfdbinary.readouterr().out, "out.toml")
    assert scenario.sessions.count == 7
    assert [egress.interface for egress in scenario.egresses] == ["eth0", "tun0"]


def test_a_file_that_comes_meanwhile_is_not_replaced(tmp_path):
    """Nobody can come between the look and the writing here: a link that leads nowhere can."""
    source = tmp_path / "list.json"
    source.write_bytes(as_bytes(V1))
    out = tmp_path / "made.toml"
    out.symlink_to(tmp_path / "nowhere")
    with pytest.raises(StresserError, match="cannot be written: File exists"):
        citrix(str(source), customer="acme1", out=out)
    assert not (tmp_path / "nowhere").exists()


def test_the_shipped_citrix_scenarios_hold_known_names_politely():
    for name in ("citrix-cloud", "citrix-government"):
        scenario = load_scenario(name).scenario
        for endpoint in scenario.endpoints:
            host = re.sub(r"^tls://|:443$", "", endpoint.url)
            rows = {row.name.replace("<CUSTOMER_ID>", "customerid") for row in known_names().names}
            assert host in rows
        assert scenario.sessions.count <= 2
        assert scenario.sessions.attempts_per_second_per_endpoint <= 1


def test_the_page_names_files_and_scenarios_that_exist():
    page = (ROOT / "docs" / "citrix.md").read_text()
    linked = re.findall(r"\]\((?!https://)([^)#]+)\)", page)
    assert len(linked) >= 2
    for link in linked:
        assert (ROOT / "docs" / link).exists(), link
    named = set(re.findall(r"scenarios/([a-z-]+)\.toml", page))
    assert {"citrix-cloud", "citrix-government"} <= named <= set(shipped_names())
    for option in re.findall(r"--[a-z]+", page):
        known = "--customer --region --expand --egress --out --duration --label --session --set"
        known += " --interface --template --full --address --since"
        assert option in known.split(), option
