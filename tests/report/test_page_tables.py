from stresser.analysis.views.both_ends_table import BothEndsRows
from stresser.analysis.views.run_report import gather_report
from stresser.report import page_tables
from tests.analysis.both_ends_story import both_ends_run
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


def test_drops_whose_two_ends_differ_are_the_first_rows(tmp_path):
    found = gather_report([both_ends_run(tmp_path / "run")], None).runs[0].both_ends
    rows = page_tables.both_ends_rows(found)
    assert {len(row) for row in rows} == {len(page_tables.BOTH_ENDS_HEAD)}
    assert [row[1].partition(" at ")[0] for row in rows] == ["dropped: tcp_reset"] * 3 + ["planned"]
    later, held, same, planned = rows
    assert later[2].startswith("tcp_fin at ")
    assert later[2].endswith(" ± 1 ms")
    assert (later[3], same[3]) == ("9 s", "-")
    assert held[2].startswith("still held it at ")
    assert (held[3], planned[2].partition(" at ")[0]) == ("30 s", "ws_close")
    assert {row[5] for row in rows} == {"203.0.113.9:40001"}
    assert page_tables.both_ends_note(found) == (
        "Of 4 sessions 2 ended differently at the two ends. Drops come first, and of these and of"
        " the others the ones that differ. Times are since the run began."
    )


def test_of_many_sessions_those_without_a_row_are_counted(tmp_path):
    found = gather_report([both_ends_run(tmp_path / "run")], None).runs[0].both_ends
    many = BothEndsRows(rows=found.rows * 100, more=7, differ=205)
    assert len(page_tables.both_ends_rows(many)) == page_tables.MOST_ROWS == 200
    note = page_tables.both_ends_note(many)
    assert note.startswith("Of 407 sessions 205 ended differently at the two ends.")
    assert "; 207 more have no row here." in note
    assert "; 387 more have no row here." in page_tables.both_ends_note(many, 20)
