import msgspec
import pytest

from stresser.analysis.compare.comparison_verdict import ComparisonVerdict
from stresser.analysis.views.run_report import gather_report
from stresser.bundle import evidence_zip
from stresser.model.errors import RunFolderError
from tests.analysis.hostile_story import hostile_run
from tests.analysis.sides_story import HOUR, incident_story
from tests.analysis.story import VPN, Story, idle_kill_story


def recorded(path, direct=3, vpn=30, **more):
    story = incident_story(direct, vpn, **more)
    story.events.sort(key=lambda event: event.t_ns)
    story.stops(2 * HOUR)
    return story.recorded(path)


def test_a_run_with_two_egresses_is_compared_by_itself(tmp_path):
    report = gather_report([recorded(tmp_path / "run")], None)
    assert report.comparison is not None
    assert report.comparison.verdict is ComparisonVerdict.WORSE
    assert report.comparison.candidate.label == "vpn"


def test_egresses_can_be_named_the_other_way_round(tmp_path):
    report = gather_report([recorded(tmp_path / "run")], ("vpn", "direct"))
    assert report.comparison is not None
    assert report.comparison.candidate.label == "direct"


def test_two_runs_are_compared(tmp_path):
    report = gather_report([recorded(tmp_path / "a"), recorded(tmp_path / "b", 30, 30)], None)
    assert report.comparison is not None
    assert (report.comparison.baseline.label, report.comparison.candidate.label) == ("a", "b")
    assert [run.name for run in report.runs] == ["a", "b"]


@pytest.mark.parametrize("egresses", [("direct", "wifi"), ("vpn", "vpn")])
def test_egresses_that_cannot_be_compared(tmp_path, egresses):
    with pytest.raises(RunFolderError, match="--egress"):
        gather_report([recorded(tmp_path / "run")], egresses)


def test_one_run_twice_is_a_mistake(tmp_path):
    run = recorded(tmp_path / "run")
    with pytest.raises(RunFolderError, match="twice"):
        gather_report([run, run], None)


def test_a_run_with_nothing_to_compare(tmp_path):
    story = Story([VPN], 1)
    story.drops(story.opens(VPN, 1), 5)
    story.stops(60)
    report = gather_report([story.recorded(tmp_path / "run")], None)
    assert report.comparison is None
    assert len(report.runs[0].drops.session) == 1


def test_incidents_and_drops_name_each_other(tmp_path):
    run = gather_report([recorded(tmp_path / "run", 3, 20, size=4)], None).runs[0]
    assert run.incidents
    for row in run.incidents:
        assert run.drops.incident.count(row.number) == row.drops


def test_figures_are_those_of_the_summary(tmp_path):
    run = gather_report([idle_kill_story().recorded(tmp_path / "run")], None).runs[0]
    assert len(run.drops.session) == run.summary.total.drops == 20
    assert sum(one.died for one in run.survival) == 20


def test_its_json_comes_in_parts_and_is_one_document(tmp_path, monkeypatch):
    monkeypatch.setattr(evidence_zip, "_AT_ONCE", 2)
    report = gather_report([hostile_run(tmp_path / "run")], None)
    text = b"".join(evidence_zip.report_json(report))
    document = msgspec.json.decode(text)
    assert msgspec.json.format(msgspec.json.encode(document), indent=1) + b"\n" == text
    (run,) = report.runs
    drops = document["runs"][0]["drops"]
    assert [(row["session"], row["diagnosis"]) for row in drops] == [
        (one.session, one.diagnosis) for one in run.ended
    ]
