from bench.ratios import QUANTITIES, compare
from bench.table import render

MEMORY, HANDSHAKES, ATTEMPTS = QUANTITIES[0], QUANTITIES[1], QUANTITIES[3]


def test_a_line_holds_absolute_figures_the_ratio_its_spread_and_the_goal():
    text = render([compare(MEMORY, 2_000, [(30, 42), (30, 45)])], [])
    title, headings, line = text.splitlines()
    assert title == MEMORY.title
    assert headings.split()[:4] == ["sessions", "floor", "stresser", "ratio"]
    assert line.split() == (
        ["2,000", "30", "43.5", "1.45", "x", "1.40-1.50", "(2)", "<=", "1.5", "met"]
    )


def test_a_missed_goal_says_so():
    assert "missed" in render([compare(HANDSHAKES, 2_000, [(1, 2)])], [])


def test_several_numbers_of_sessions_show_whether_the_quantity_is_flat():
    rows = [compare(MEMORY, n, [(30, kib)]) for n, kib in [(500, 60), (10_000, 40)]]
    last = render(rows, []).splitlines()[-1]
    assert last.split() == ["max/min", "1.00", "x", "1.50", "x", "<=", "1.3", "x", "missed"]


def test_a_rate_is_not_asked_to_be_flat_and_notes_come_last():
    rows = [compare(ATTEMPTS, n, [(2000, rate)]) for n, rate in [(500, 900), (2000, 100)]]
    text = render(rows, ["the machine was busy"])
    assert "max/min" not in text
    assert text.endswith("note: the machine was busy")
