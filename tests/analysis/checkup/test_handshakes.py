"""What is said of hellos that differ: who is named, on what evidence, and beside which products."""

import pytest
from msgspec.structs import replace

from stresser.analysis.checkup.conclude import conclude
from stresser.analysis.checkup.finding import Concern
from stresser.analysis.checkup.handshakes import hello_findings, hello_lines
from stresser.analysis.words.obstacles import Obstacle
from stresser.analysis.words.remedy_table import BY_OBSTACLE
from stresser.model.checkup_facts import Checked
from stresser.model.ending import Kind, Phase
from stresser.model.hello_tried import HelloShape, SegmentLimit
from stresser.model.verdict import Verdict
from tests.analysis.checkup.test_hello_reading import DEAF, LONG_FAIL, PATTERNS, hellos
from tests.fakes.checked import failed_way, way

ONE = "++ ++ -- -- -- . -- -- ++ ++ ++ ++"
NAME = "-- -- -- -- -- . -- -- -- ++ ++ --"
ALL = "+ + + + + . + + + + + +"
VPN = {"egress": "vpn"}


def found(*ways):
    return list(hello_findings(ways))


def hangs(fates, acknowledged=None, **changes):
    hung = failed_way(phase=Phase.TLS, kind=Kind.TIMEOUT)
    return replace(hung, hellos=hellos(fates, acknowledged), **changes)


def test_a_box_on_one_egress_reads_the_first_packet_alone():
    (finding,) = found(way(hellos=hellos(ONE), **VPN), way(hellos=hellos(ALL)))
    assert (finding.concern, finding.is_failure) == (Concern.HELLO, True)
    assert finding.says.startswith("broker through vpn: ClientHellos of one segment were answered")
    assert finding.says.endswith("only the first packet is read.")
    evidence = "\n".join(finding.evidence)
    assert "via direct they were answered: a box on vpn reads the first packet alone" in evidence
    assert "classic in several segments (517 bytes, 0 acknowledged)" in evidence
    assert "PAN-OS" in evidence
    assert "https://tldr.fail" in evidence
    assert "several segments pass to broker.example.net" in finding.remedy


def test_without_a_control_the_endpoint_may_be_it():
    (finding,) = found(way(hellos=hellos(ONE), **VPN))
    assert "the endpoint's own server may be who does it" in "\n".join(finding.evidence)
    assert "a box on" not in "\n".join(finding.evidence)


def test_what_every_egress_shows_is_no_egress():
    both = found(way(hellos=hellos(ONE), **VPN), way(hellos=hellos(ONE)))
    assert len(both) == 2
    for finding in both:
        said = "\n".join(finding.evidence)
        assert "the same: it is the endpoint, or stands before it" in said
        assert "a box on" not in said


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"dialled": "198.41.0.9:443"},
        {"proxy": "http://192.0.2.9:3128", "dialled": "192.0.2.9:3128"},
    ],
)
def test_what_may_be_another_machine_names_no_box(elsewhere):
    (finding,) = found(way(hellos=hellos(ONE), **VPN), way(hellos=hellos(ALL), **elsewhere))
    said = "\n".join(finding.evidence)
    assert "via direct they were answered, though perhaps by another machine" in said
    assert "a box on" not in said


def test_another_endpoint_is_no_control():
    (finding,) = found(way(hellos=hellos(ONE), **VPN), way("gateway", hellos=hellos(ALL)))
    assert "a box on" not in "\n".join(finding.evidence)


def test_a_control_that_was_not_tried_alike_is_none():
    (finding,) = found(way(hellos=hellos(ONE), **VPN), way())
    assert "a box on" not in "\n".join(finding.evidence)


def test_a_handshake_that_hung_has_one_finding_which_says_what_decides():
    hung = hangs(NAME, egress="vpn")
    report = conclude(Checked(ways=[hung, way()], has_route=True))
    (finding,) = report.findings
    assert finding.concern is Concern.FAILURE
    said = "\n".join([*finding.evidence, finding.remedy])
    assert BY_OBSTACLE[Obstacle.NAME_DECIDES].seen in said
    assert "via direct they were answered: a box on vpn does it" in said  # the check's own hello
    assert "let broker.example.net pass the filter" in finding.remedy
    assert "MTU" not in said


def test_where_nothing_decides_the_failure_says_what_it_said():
    plain = conclude(Checked(ways=[hangs("-- -- -- -- -- . -- -- -- -- -- --")], has_route=True))
    (finding,) = plain.findings
    assert "answered twice" not in "\n".join(finding.evidence)
    assert "ClientHello" in finding.remedy


@pytest.mark.parametrize(
    ("limits", "clamp"),
    [
        ([], "Clamp the MSS on the path"),
        ([SegmentLimit(towards_us=True, passes=1260, fails=1264)], "MSS to 1260 on the path"),
        ([SegmentLimit(towards_us=True, passes=1400, fails=1404),
          SegmentLimit(towards_us=False, passes=1300, fails=1304)], "MSS to 1300 on the path"),
    ],
)  # fmt: skip
def test_the_mss_to_clamp_to(limits, clamp):
    hung = hangs(DEAF, {HelloShape.CLASSIC: 517}, segments=limits)
    (finding,) = conclude(Checked(ways=[hung], has_route=True)).findings
    assert clamp.casefold() in finding.remedy.casefold()
    towards = [line for line in finding.evidence if line.startswith("towards ")]
    assert len(towards) == len(limits)


def test_sessions_open_and_browsers_hang_is_a_failed_check():
    report = conclude(Checked(ways=[way(hellos=hellos(LONG_FAIL), **VPN)], has_route=True))
    assert report.verdict is Verdict.FAIL
    assert report.says == "Sessions open on 1 of 1 egress; some ClientHellos do not pass."


def test_hellos_that_all_pass_are_no_finding():
    assert found(way(hellos=hellos(ALL)), way(**VPN)) == []
    assert conclude(Checked(ways=[way(hellos=hellos(ALL))], has_route=True)).findings == []


def test_the_lines_of_a_way_tell_each_shape_once():
    lines = dict(hello_lines(way(hellos=hellos("++ ++ -- -+ !! . -- ++ xx ?? ++ ++"))))
    assert lines["answered by an alert"].startswith("long (1,716 bytes")
    assert lines["not made"] == "ML-KEM, the name first (no library makes it)"
    assert "the name in the second segment" in lines["now and then"]
    assert "classic in several segments (517 bytes, 0 acknowledged)" in lines["not answered"]
    assert "TLS 1.2 alone" in lines["cut"]
    assert "without a name" in lines["not known"]


@pytest.mark.parametrize(("fates", "decides"), [row for row in PATTERNS if row[1]])
def test_every_pattern_is_said(fates, decides):
    tried = hellos(fates, {HelloShape.CLASSIC: 0})
    sound = fates.startswith("++")
    one = way(hellos=tried) if sound else hangs(fates)
    (finding,) = conclude(Checked(ways=[one], has_route=True)).findings
    said = "\n".join([finding.says, *finding.evidence])
    assert BY_OBSTACLE[decides].seen in said
    assert finding.remedy.endswith(".")


def test_a_failed_try_elsewhere_is_no_control():
    other = failed_way(phase=Phase.CONNECT, kind=Kind.REFUSED)
    report = conclude(Checked(ways=[hangs(NAME, **VPN), other], has_route=True))
    assert not any("a box on" in line for one in report.findings for line in one.evidence)
