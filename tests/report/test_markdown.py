import re

from stresser.analysis.views.run_report import gather_report
from stresser.report.markdown import markdown, markdown_text
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
