from xml.etree import ElementTree as ET

from stresser.analysis.views.run_report import gather_report
from stresser.report.junit import junit_xml
from tests.analysis.hostile_story import hostile_run
from tests.analysis.story import SCENARIO, idle_kill_story


def suites_of(run):
    text = junit_xml(gather_report([run], None))
    return ET.fromstring(text.partition("\n")[2])  # noqa: S314 - our own


def test_thresholds_are_cases(tmp_path):
    thresholds = {"drops": "= 0", "drops{egress=direct}": "= 0", "rtt.p99": "< 1s"}
    run = idle_kill_story().recorded(
        tmp_path / "run", scenario=SCENARIO | {"thresholds": thresholds}
    )
    thresholds_suite, comparison = suites_of(run)
    answers = {
        case.get("name"): [child.tag for child in case]
        for case in thresholds_suite.iter("testcase")
    }
    assert answers["drops = 0"] == ["failure"]
    assert answers["drops{egress=direct} = 0"] == ["system-out"]
    assert answers["rtt.p99 < 1s"] == ["skipped"]
    assert (thresholds_suite.get("tests"), thresholds_suite.get("failures")) == ("4", "1")
    assert thresholds_suite.get("skipped") == "1"
    assert [child.tag for child in comparison[0]] == ["failure"]


def test_hostile_texts_leave_it_well_formed(tmp_path):
    [suite, *_] = suites_of(hostile_run(tmp_path / "run"))
    assert len(suite.findall("testcase")) == 3
