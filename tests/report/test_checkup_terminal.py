"""A check on a terminal: what stands there, in what order, and that nothing of a peer plays."""

import io
import json

import pytest
from rich.console import Console

from stresser.analysis.checkup.conclude import conclude
from stresser.model.chain import ChainClass
from stresser.model.checkup_facts import Checked, HttpAnswer
from stresser.report.checkup_terminal import check_json, print_check
from tests.fakes.checked import chain, failed_way, tls, way

INSPECTED = tls(ChainClass.PRIVATE_TRUSTED)


def report(*ways):
    return conclude(Checked(ways=list(ways), has_route=True))


def printed(found, width=80):
    written = io.StringIO()
    console = Console(file=written, width=width, force_terminal=False)
    print_check(found, console)
    return written.getvalue()


def test_the_verdict_comes_first_then_what_to_do_then_the_ways():
    text = " ".join(printed(report(way(tls=INSPECTED), failed_way("gateway"))).split())
    places = [
        text.index(words)
        for words in (
            "Sessions open on 1 of 2 pairs of endpoint and egress; TLS is intercepted.",
            "Ask the network team: allow outbound TCP to gateway.example.net:443.",
            "What to do: Ask for a TLS inspection bypass of: broker.example.net",
            "Times",
            "broker / direct: HTTP 200 OK",
            "addresses 198.41.0.4",
            "dialled 198.41.0.4:443 from 192.0.2.10:40000 through eth0",
            "TLS TLSv1.3",
            "chain intercepted",
            "HTTP 200 OK",
        )
    ]
    assert places[:4] == sorted(places[:4])
    assert places[4] > places[3]


def test_steps_that_no_way_has_have_no_column():
    assert "proxy TCP" not in printed(report(way()))


@pytest.mark.parametrize("width", [80, 200])
def test_what_a_peer_said_is_shown_escaped(width):
    bad = "\x1b[31m[bold]red[/bold]\x07\r"
    facts = tls(alpn=bad)
    hostile = way(
        tls=facts,
        chain=chain("broker", "direct", facts, issuer=bad),
        http=HttpAnswer(status=200, reason=bad, headers={"server": bad}),
        proxy_headers={"via": bad},
        proxy="http://192.0.2.1:1",
    )
    text = printed(report(hostile), width)
    assert not set(text) & {"\x1b", "\x07", "\r"}
    assert "[bold]" in text


def test_many_ways_are_bounded():
    text = printed(report(*(way(f"e{number}") for number in range(450))))
    assert "50 more pairs of endpoint and egress: --json has them all." in text


def test_json_has_it_all():
    found = json.loads(check_json(report(way(), failed_way("gateway", "vpn"))))
    assert found["verdict"] == "fail"
    assert [result["fine"] for result in found["results"]] == [True, False]
    assert [one["endpoint"] for one in found["results"]] == ["broker", "gateway"]
    assert [one["egress"] for one in found["results"]] == ["direct", "vpn"]
    assert found["results"][0]["facts"]["phases_ns"]["tls"] == 25_000_000
    assert found["results"][1]["facts"]["failed"]["kind"] == "timeout"
    assert found["findings"][0]["remedy"]
