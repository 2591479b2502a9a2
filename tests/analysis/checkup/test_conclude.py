"""What a check concludes: verdicts, words, and findings that are told together."""

from typing import Any

import msgspec
import pytest

from stresser.analysis.checkup.conclude import chain_words, conclude, result_words
from stresser.analysis.checkup.finding import Concern
from stresser.model.chain import ChainClass, ChainRoot
from stresser.model.checkup_facts import Asked, Checked, HttpAnswer
from stresser.model.ending import Initiator, Kind, Phase
from stresser.model.events import ResolvedBy
from stresser.model.verdict import Verdict
from tests.fakes.checked import chain, failed, failed_way, tls, way

INSPECTED = tls(ChainClass.PRIVATE_TRUSTED)
UNKNOWN = tls(ChainClass.PRIVATE_UNTRUSTED)
UNJUDGED = msgspec.structs.replace(tls(), chain_class=None)
EXPIRED = tls(ChainClass.BROKEN, problem="certificate has expired")
LOCAL: dict[str, Any] = {"addresses": ["127.0.0.1"], "dialled": "127.0.0.1:443"}


def report(*ways, has_route=True):
    return conclude(Checked(ways=list(ways), has_route=has_route))


@pytest.mark.parametrize(
    ("ways", "has_route", "verdict"),
    [
        ([way()], True, Verdict.PASS),
        ([way(tls=tls(ChainClass.DECLARED))], True, Verdict.PASS),
        ([way(http=HttpAnswer(status=404, reason="Not Found"))], True, Verdict.PASS),
        ([way(**LOCAL)], True, Verdict.PASS),
        ([way(http=HttpAnswer(status=511, reason="Log in"))], True, Verdict.FAIL),
        ([way(tls=INSPECTED)], True, Verdict.FAIL),
        ([way(tls=UNKNOWN)], True, Verdict.FAIL),
        ([way(tls=EXPIRED)], True, Verdict.FAIL),
        ([way(), failed_way("gateway")], True, Verdict.FAIL),
        ([failed_way(kind=Kind.RESOLVE_ERROR, phase=Phase.RESOLVE)], True, Verdict.FAIL),
        ([failed_way(kind=Kind.RESOLVE_ERROR, phase=Phase.RESOLVE)], False, Verdict.INCONCLUSIVE),
        ([failed_way(initiator=Initiator.HOST)], True, Verdict.INCONCLUSIVE),
        ([failed_way(kind=Kind.TOOL, initiator=Initiator.TOOL)], True, Verdict.INCONCLUSIVE),
        ([failed_way(), failed_way("b", initiator=Initiator.HOST)], True, Verdict.FAIL),
        ([way(), failed_way("b", initiator=Initiator.HOST)], True, Verdict.FAIL),
    ],
)
def test_verdicts(ways, has_route, verdict):
    found = report(*ways, has_route=has_route)
    assert found.verdict is verdict
    assert found.says.endswith(".")
    assert len(found.results) == len(ways)


def test_no_route_is_said():
    one = failed_way(kind=Kind.RESOLVE_ERROR, phase=Phase.RESOLVE)
    assert report(one, has_route=False).says == (
        "Nothing could be tried from this host: it has no route to other networks."
    )


def test_interception_is_one_finding_with_one_request():
    product = {"product": "Zscaler"}
    ways = [
        way("a", "vpn", tls=INSPECTED, chain=chain("a", "vpn", INSPECTED, **product)),
        way("b", "vpn", tls=INSPECTED, chain=chain("b", "vpn", INSPECTED, **product)),
        way("a", "direct", chain=chain("a", "direct", tls(), scts=2)),
    ]
    (finding,) = [f for f in report(*ways).findings if f.concern is Concern.INTERCEPTION]
    assert finding.says == "TLS is intercepted for 2 of 3 pairs of endpoint and egress."
    assert finding.evidence[0] == (
        "TLS to a is intercepted through vpn (consistent with Zscaler), not through direct."
    )
    assert finding.remedy == (
        "Ask for a TLS inspection bypass of: a.example.net, b.example.net (through vpn)."
    )
    assert finding.endpoints == ["a", "b"]


@pytest.mark.parametrize(
    ("others", "facts", "said"),
    [
        ([], UNKNOWN, "declare it (--ca FILE"),
        ([], EXPIRED, "ask who serves broker.example.net to put it right"),
        ([way()], EXPIRED, "Through direct it verifies"),
        ([way()], UNKNOWN, "Through direct it verifies"),
    ],
)
def test_a_chain_that_does_not_verify(others, facts, said):
    (finding,) = report(*others, way(egress="vpn", tls=facts)).findings
    assert finding.concern is Concern.CHAIN
    assert said in finding.remedy


def test_one_private_chain_through_every_egress_is_no_interception():
    ways = [way("a", egress, tls=INSPECTED, chain=chain("a", egress, INSPECTED))
            for egress in ("direct", "vpn")]  # fmt: skip
    found = report(*ways)
    (finding,) = found.findings
    assert finding.concern is Concern.UNDECLARED
    assert finding.says.startswith("a shows one private chain through every egress (direct, vpn)")
    assert "check --ca root.pem" in finding.remedy
    assert finding.endpoints == ["a"]
    assert not any(result.facts.tls.intercepted for result in found.results)
    assert not any("is intercepted" in line for line in [finding.says, *finding.evidence])
    assert [result.chain for result in found.results] == ["private, trusted here"] * 2


def test_interception_through_one_egress_is_one_beside_an_own_chain_through_the_other():
    through_vpn = way("a", "vpn", tls=INSPECTED, chain=chain("a", "vpn", INSPECTED))
    found = report(way("a", "direct"), through_vpn)
    (finding,) = found.findings
    assert finding.concern is Concern.INTERCEPTION
    assert "not through direct" in finding.evidence[0]


def test_a_missing_intermediate_that_may_be_fetched_is_asked_of_who_serves_it():
    facts = tls(ChainClass.BROKEN, root=ChainRoot.HIDDEN, problem="unable to get issuer")
    place = "http://r3.i.lencr.org/"
    seen = chain("broker", "direct", facts, missing_issuer="CN=R3", issuer_url=place)
    (finding,) = report(way(tls=facts, chain=seen)).findings
    assert "send the certificate of CN=R3 along with the chain of broker" in finding.remedy
    assert "CN=R3 along" in finding.remedy
    assert f"Windows (Schannel), macOS and Chrome fetch it from {place}" in finding.remedy
    assert "declare" not in finding.remedy


def test_a_suspicion_is_evidence_of_the_chain():
    vpn = way(egress="vpn", tls=UNKNOWN)
    (finding,) = report(way(), vpn).findings
    assert "a strong sign of interception" in finding.evidence[0]


def test_a_chain_carries_no_evidence_on_another_endpoint():
    """a's chain is broken through vpn, b's is unknown there and verifies through direct."""
    about_a = chain("a", "vpn", EXPIRED, why="it ended yesterday")
    ways = [
        way("a", "vpn", tls=EXPIRED, chain=about_a),
        way("b", "vpn", tls=UNKNOWN),
        way("b", "direct"),
    ]
    of_a, of_b = report(*ways).findings
    assert (of_a.endpoints, of_b.endpoints) == (["a"], ["b"])
    assert of_a.evidence == ["a: it ended yesterday"]
    assert "the chain of b through vpn" in of_b.evidence[0]


def test_an_egress_whose_name_begins_another_is_not_confused_with_it():
    ways = [way("a", "vpn", tls=UNKNOWN), way("b", "vpn 2", tls=UNKNOWN), way("b", "direct")]
    of_a, of_b = report(*ways).findings
    assert len(of_a.evidence) == 1
    assert "through vpn 2" in of_b.evidence[0]


def test_failures_that_are_alike_are_told_together():
    ways = [failed_way(name, "vpn") for name in ("a", "b", "c")]
    ways.append(failed_way("d", "vpn", kind=Kind.REFUSED))
    first, second = report(*ways).findings
    assert first.endpoints == ["a", "b", "c"]
    assert first.says.startswith("a, b, c through vpn: no answer within our deadline")
    assert "a.example.net:443, b.example.net:443, c.example.net:443" in first.remedy
    assert second.endpoints == ["d"]


def test_what_a_hostile_peer_said_is_escaped():
    hostile = "\x1b]0;owned\x07" * 100
    one = failed_way(
        phase=Phase.UPGRADE, kind=Kind.HTTP_REFUSAL, status=403, reason=hostile, raw=hostile,
        evidence={"headers": {"server": hostile}},
    )  # fmt: skip
    found = report(one)
    texts = [found.results[0].result, found.findings[0].says, *found.findings[0].evidence]
    assert not any("\x1b" in text or "\x07" in text for text in texts)
    assert all(len(text) < 1000 for text in texts)


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (way(), "HTTP 200 OK"),
        (way(http=None, asked=Asked.TLS), "TLS stands"),
        (way(http=None, asked=Asked.UPGRADE), "WebSocket open"),
        (
            way(http=HttpAnswer(status=101, reason="Switching"), asked=Asked.UPGRADE),
            "WebSocket open (HTTP 101 Switching)",
        ),
    ],
)
def test_result_words(one, words):
    assert result_words(one) == words


def test_a_get_that_failed_is_no_upgrade():
    one = way(failed=failed(phase=Phase.UPGRADE), http=None)
    assert "in phase HTTP GET" in result_words(one)


@pytest.mark.parametrize(
    ("facts", "changes", "words"),
    [
        (tls(), {}, "public"),
        (tls(ChainClass.DECLARED), {}, "declared"),
        (INSPECTED, {"product": "Zscaler"}, "intercepted (consistent with Zscaler)"),
        (EXPIRED, {}, "broken: certificate has expired"),
        (UNKNOWN, {"product": "x\x1b"},
         r"private, not trusted (consistent with x\x1b): it does not verify"),
        (UNJUDGED, {}, None),
        (tls(ChainClass.PRIVATE_TRUSTED, intercepted=False, root=ChainRoot.LEAF), {},
         "private, trusted here"),
    ],
)  # fmt: skip
def test_chain_words(facts, changes, words):
    one = way(tls=facts, chain=chain("broker", "direct", facts, **changes))
    assert chain_words(one) == words


def test_sites_that_differ():
    found = report(way(), way(egress="vpn", addresses=["192.5.5.241"]))
    [finding] = found.findings
    assert (finding.concern, finding.endpoints) == (Concern.SITES, ["broker"])
    assert found.verdict is Verdict.PASS
    proxied = way(egress="p", addresses=[], proxy="http://192.0.2.7:1", dialled="192.0.2.7:1",
                  resolved_by=ResolvedBy.PROXY)  # fmt: skip
    assert any("is not known" in note for note in report(way(), proxied).notes)


def test_that_other_stacks_may_differ_is_said_where_tls_was_seen():
    assert any("another client" in note for note in report(way()).notes)
    assert report(failed_way()).notes == []


def test_a_portal_and_its_certificate_are_one_obstacle():
    facts = tls(ChainClass.PRIVATE_UNTRUSTED)
    sent: dict[str, Any] = {
        "status": 302,
        "evidence": {"headers": {"location": "http://login.test/"}},
    }
    ending = failed(phase=Phase.UPGRADE, kind=Kind.HTTP_REFUSAL, **sent)
    caught = way(tls=facts, failed=ending, asked=Asked.UPGRADE, http=None)
    (finding,) = report(caught).findings
    assert finding.concern is Concern.FAILURE
    assert "leads to http://login.test/" in finding.evidence[1]
    assert any("private, not trusted" in line for line in finding.evidence)
    assert "Log in to this network" in finding.remedy
