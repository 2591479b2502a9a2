import pytest

from stresser.analysis.summary.answer import (
    HEADING_GAP,
    NOTE_WIDTH,
    SCREEN_WIDTH,
    egress_rows,
    heading_of,
    shown_rows,
    verdict_in_words,
)
from stresser.analysis.words.lines import wrapped
from stresser.model.units import NS_PER_S
from stresser.model.verdict import ThresholdResult, Verdict
from tests.analysis.answer_story import QUICKSTART, held, made_run


def heading(cohorts, **changes):
    return HEADING_GAP.join(heading_of(made_run(cohorts, **changes), egress_rows(cohorts)))


def test_the_heading_says_what_stood_beside_what():
    assert heading(QUICKSTART) == (
        "quickstart   30 s, complete   direct beside middlebox: same endpoints, same time"
    )
    long = [held("direct"), held("middlebox-of-the-north")]
    assert heading(long).endswith("   direct beside middlebox-of-…-north")
    assert heading([held("vpn")]).endswith("   through vpn alone")
    unlike = [held("direct"), held("vpn", endpoint="other")]
    assert heading(unlike).endswith("   direct beside vpn")
    assert heading([held(f"e{n}") for n in range(5)]).endswith(
        "5 egresses: same endpoints, same time"
    )


def test_the_heading_says_how_the_run_ended():
    assert "   30 s, complete" in heading(QUICKSTART, elapsed_ns=30 * NS_PER_S + 90_000_000)
    assert "   12 s of 30 s, complete" in heading(QUICKSTART, elapsed_ns=12 * NS_PER_S)
    assert "   30 s, still running" in heading(QUICKSTART, status="running")
    crashed = heading(QUICKSTART, status="crashed", crashed_at_utc="2026-11-23T02:13:07.123456Z")
    assert crashed.startswith("quickstart   30 s, crashed at 2026-11-23T02:13:07Z   direct")


def test_one_row_an_egress_sums_its_cohorts():
    rows = egress_rows([held("vpn", 5, 2), held("direct"), held("vpn", 7, 1, kind="silence")])
    assert [(row.egress, row.asked, row.sessions, row.drops) for row in rows] == [
        ("vpn", 40, 12, 3),
        ("direct", 20, 20, 0),
    ]
    assert rows[0].ended_by == "TCP resets, ..."
    assert egress_rows([held("vpn", 0, failed=3)])[0].ended_by == "refused connections"


def test_of_too_many_egresses_the_worst_are_kept_in_order():
    rows = egress_rows([held(f"e{n}", 10, n % 50) for n in range(100)])
    kept, more = shown_rows(rows)
    assert (len(kept), more) == (40, 60)
    assert [row.egress for row in kept] == sorted(
        (row.egress for row in kept), key=lambda e: int(e[1:])
    )
    assert min(row.drops for row in kept) == 30


def rule(text, verdict, shown="20"):
    return ThresholdResult(rule=text, verdict=verdict, value=None, shown=shown)


@pytest.mark.parametrize(
    ("rules", "verdict", "doubts", "words"),
    [
        ([], Verdict.NONE, [], "none. The scenario has no thresholds."),
        ([], Verdict.INCONCLUSIVE, ["this host slept"],
         "inconclusive. The scenario has no thresholds. In doubt: this host slept."),
        ([rule("drops = 0", Verdict.FAIL), rule("tls.p99 < 1s", Verdict.PASS)], Verdict.FAIL, [],
         "fail. 1 of 2 thresholds held. Failed: drops = 0 (20). Held: tls.p99 < 1s (20)."),
        ([rule("rtt.p99 < 1s", Verdict.INCONCLUSIVE, "no samples")], Verdict.INCONCLUSIVE, [],
         "inconclusive. 0 of 1 threshold held. Not judged: rtt.p99 < 1s (no samples)."),
    ],
)  # fmt: skip
def test_the_verdict_says_what_it_judged(rules, verdict, doubts, words):
    run = made_run(QUICKSTART, thresholds=rules, verdict=verdict, doubts=doubts)
    assert verdict_in_words(run) == words


def test_a_verdict_over_many_thresholds_takes_two_lines_and_names_what_failed():
    rules = [rule(f"drops{{egress=e{n}}} = 0", Verdict.PASS) for n in range(50)]
    rules.append(rule("drops{egress=vpn} = 0", Verdict.FAIL))
    run = made_run(QUICKSTART, thresholds=rules, verdict=Verdict.FAIL)
    words = verdict_in_words(run)
    assert "Failed: drops{egress=vpn} = 0 (20)." in words
    assert len(wrapped(words, SCREEN_WIDTH - NOTE_WIDTH)) <= 2
