import re

from msgspec.structs import replace

from stresser.analysis.diagnosis.hop_stops import HopStop
from stresser.analysis.views.run_report import gather_report
from stresser.report.markdown import markdown, markdown_text
from tests.analysis.answer_story import diagnosed
from tests.analysis.both_ends_story import both_ends_run
from tests.analysis.hostile_story import hostile_run
from tests.analysis.story import idle_kill_story


def test_the_paragraph_comes_before_the_tables(tmp_path):
    text = markdown(gather_report([idle_kill_story().recorded(tmp_path / "run")], None))
    lines = text.splitlines()
    assert lines[0] == "# stresser: made-up"
    assert lines[2].startswith("20 drops came through vpn")
    assert "**worse**" in text
    assert text.index("## Comparison") < text.index("## Method and limits")


def test_no_tag_and_no_link_comes_of_a_peers_text(tmp_path):
    text = markdown(gather_report([hostile_run(tmp_path / "run")], None))
    assert not re.search(r"(?<!\\)<", text)
    assert not re.search(r"(?<!\\)\]\(", text)


def test_each_row_has_as_many_cells_as_its_head(tmp_path):
    text = markdown(gather_report([hostile_run(tmp_path / "run")], None))
    widths = [len(re.findall(r"(?<!\\)\|", line)) for line in text.splitlines() if line[:1] == "|"]
    tables = re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
    assert widths
    for table in tables:
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}) == 1


def test_marks_are_escaped():
    assert markdown_text("a|b *c* <d> @e [f](g)") == r"a\|b \*c\* \<d\> \@e \[f\](g)"


def test_the_hop_of_a_diagnosis_stands_below_it(tmp_path):
    report = gather_report([idle_kill_story().recorded(tmp_path / "run")], None)
    [run] = report.runs
    stop = HopStop(after=2, address="203.0.113.1", alone=True, walks=3, of_walks=3)
    summary = replace(run.summary, diagnoses=[diagnosed(hop=stop)])
    text = markdown(replace(report, runs=[replace(run, summary=summary)]))
    assert "- 3 of 3 walked flows stop after hop 2 (203.0.113.1)" in text


def test_sessions_at_both_ends_are_a_table(tmp_path):
    text = markdown(gather_report([both_ends_run(tmp_path / "run")], None))
    table = text.partition("| session | ended here |")[2].partition("\n\n")[0]
    assert table.count("203.0.113.9:40001") == 4
    assert "- Of 4 sessions 2 ended differently at the two ends." in text
