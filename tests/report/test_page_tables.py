from stresser.analysis.views.run_report import gather_report
from stresser.report import page_tables
from tests.analysis.story import idle_kill_story


def test_rows_are_as_wide_as_their_heads(tmp_path):
    story = idle_kill_story()
    report = gather_report([story.recorded(tmp_path / "run")], None)
    summary, comparison = report.runs[0].summary, report.comparison
    assert comparison is not None
    for head, rows in (
        (page_tables.SESSION_HEAD, page_tables.session_rows(summary)),
        (page_tables.KIND_HEAD, page_tables.kind_rows(summary)),
        (page_tables.comparison_head(comparison), page_tables.comparison_rows(comparison)),
        (("", "", "", ""), page_tables.difference_rows(comparison)),
    ):
        assert rows
        assert {len(row) for row in rows} == {len(head)}


def test_the_total_is_the_last_row(tmp_path):
    summary = gather_report([idle_kill_story().recorded(tmp_path / "run")], None).runs[0].summary
    rows = page_tables.session_rows(summary)
    assert rows[-1][0] == "total"
    assert rows[-1][6] == "20"
    [kinds] = page_tables.kind_rows(summary)
    assert kinds[:3] == ["broker through vpn, heartbeat: tcp_reset", "20", "unknown 20"]
