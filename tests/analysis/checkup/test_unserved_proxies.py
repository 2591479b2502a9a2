"""A proxy that a PAC names first and that does not serve."""

from stresser.analysis.checkup.conclude import conclude
from stresser.analysis.checkup.finding import Concern
from stresser.analysis.checkup.unserved_proxies import unserved_proxies
from stresser.model.checkup_facts import Checked
from stresser.model.ending import Kind, Phase
from stresser.model.proxy_chosen import ProxyChosen
from stresser.model.verdict import Verdict
from tests.fakes.checked import failed, way

A, B = "http://a:1", "http://b:1"


def chosen(which=B):
    return ProxyChosen(
        t_ns=0, utc="u", endpoint="broker", egress="corp", source="pac:corp.pac", url="wss://e/",
        answer="PROXY a:1; PROXY b:1", entries=[A, B], chosen=which,
    )  # fmt: skip


def refused():
    return failed(phase=Phase.PROXY, kind=Kind.REFUSED)


def through(endpoint="broker", **changes):
    fields = {"egress": "corp", "proxy": B, "chosen": chosen(), "unserved": [refused()]}
    return way(endpoint, **(fields | changes))


def test_it_is_named_with_those_that_it_is_first_for():
    (finding,) = unserved_proxies([through(), through("other")])
    assert finding.concern is Concern.UNSERVED
    assert not finding.is_failure
    assert finding.says == (
        "http://a:1, which the PAC file names first for broker, other through corp, does not"
        " serve; http://b:1 does."
    )
    assert [line.partition(":")[0] for line in finding.evidence] == ["broker", "other"]
    assert "who writes pac:corp.pac" in finding.remedy


def test_where_all_serve_or_none_there_is_no_such_finding():
    assert list(unserved_proxies([through(unserved=[]), way()])) == []
    nobody = through(failed=refused(), chosen=chosen(A))
    assert list(unserved_proxies([nobody])) == []


def test_the_check_passes_with_a_warning():
    report = conclude(Checked(ways=[through()], has_route=True))
    assert report.verdict is Verdict.PASS
    assert [one.concern for one in report.findings] == [Concern.UNSERVED]


def test_where_none_serves_each_is_evidence():
    report = conclude(Checked(ways=[through(failed=refused(), tls=None)], has_route=True))
    (finding,) = report.findings
    assert any(line.startswith("before that, http://a:1: refused") for line in finding.evidence)
