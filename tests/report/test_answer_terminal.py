"""The answer as a terminal shows it: never more than 24 lines of 80 columns."""

import io
from pathlib import Path

import pytest
from msgspec.structs import replace
from rich.cells import cell_len
from rich.console import Console

from stresser.analysis.diagnosis.diagnosis import (
    Ask,
    Control,
    DiagnosedScope,
    Mechanism,
    Where,
    Whom,
)
from stresser.analysis.summary.summary import summarise
from stresser.model.ending import Grade, Initiator
from stresser.model.verdict import ThresholdResult, Verdict
from stresser.record.manifest import Status
from stresser.report.answer_terminal import print_answer
from tests.analysis.answer_story import QUICKSTART, answer_to, diagnosed, held
from tests.analysis.hostile_story import hostile_run
from tests.analysis.story import Story

FOLDER = Path("results/20261123T000000Z-quickstart")


def printed(answer, width=80, folder=FOLDER, **console):
    out = io.StringIO()
    print_answer(answer, Console(file=out, width=width, **console), folder)
    return out.getvalue()


def assert_fits(text):
    lines = text.splitlines()
    assert len(lines) <= 24
    assert max(map(cell_len, lines)) <= 80
    assert all(c.isprintable() or c == "\n" for c in text)


def test_the_quickstart_stands_on_one_screen():
    text = printed(answer_to(QUICKSTART, diagnosed(), unproved=10))
    assert_fits(text)
    lines = text.splitlines()
    assert lines[0].startswith("quickstart   30 s, complete   direct beside middlebox")
    assert lines[2] == (
        "Is it the egress?  Yes: middlebox. 79 drops of 96 sessions; direct: none of 20."
    )
    assert lines[3].startswith("What does it do?   Resets a session after 4 s of silence (79 of 79")
    assert lines[4].startswith(" " * 19)
    head = "egress     asked  opened  proved  dead  unproved  drops  failed  ended by"
    assert head in lines
    row = "middlebox     20      96      17     0         0     79       0  TCP resets"
    assert row in lines
    assert "Verdict: none. The scenario has no thresholds." in lines
    assert lines[-2:] == [
        f"More:    stresser show {FOLDER.name} --full",
        f"         stresser report {FOLDER.name}",
    ]


LONG = "connector-fleet-of-the-north-eastern-region-behind-the-old-vpn-" + "x" * 60
CHINESE = "北京办事处到数据中心的备用虚拟专用网络出口" * 3
WORDS = "a sentence of a helper that goes on and on about what was not shown at all " * 6
RULES = [
    ThresholdResult(rule=f"drops{{egress={LONG},endpoint={n}}} = 0", verdict=verdict, value=None,
                    shown="79, but " + WORDS)
    for n, verdict in enumerate([Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.PASS] * 5)
]  # fmt: skip


def wordy(name="middlebox", mechanism=Mechanism.IDLE_TIMER, **changes):
    """A diagnosis in which every text is as long as can be."""
    scope = DiagnosedScope(egress=name, endpoint=name, activity=name)
    control = Control(scope=scope, sessions=10**9, drops=0, says=WORDS)
    fields = {
        "scope": scope, "drops": 10**9, "of_drops": 10**9, "tick_ns": 30 * 10**9,
        "kinds": {"tls_close_notify": 10**9}, "controls": [control] * 9, "against": [WORDS] * 3,
        "unproved": [WORDS] * 3, "consistent_with": [WORDS], "says": WORDS,
        "ask": Ask(whom=Whom.NETWORK_TEAM, says=WORDS),
    }  # fmt: skip
    return diagnosed(mechanism, **(fields | changes))


def both(name, drops=10**9):
    return [held(f"direct-{name}", 10**9), held(name, 2 * 10**9, drops, failed=10**9)]


ALL = [wordy(LONG, mechanism, number=n) for n, mechanism in enumerate(Mechanism, 1)]
MANY = [held(f"{LONG[:40]}{n}", 10**6, n * 1000, endpoint=LONG) for n in range(300)]
LONGEST = {
    "long names": answer_to(both(LONG), wordy(LONG)),
    "Chinese names": answer_to(both(CHINESE), wordy(CHINESE)),
    "combining marks": answer_to(both("e\u0301" * 60), wordy("e\u0301" * 60)),
    "control characters": answer_to(both("\x1b]0;owned\x07" * 9), wordy("\x1b]0;owned\x07" * 9)),
    "one word that never ends": answer_to(both("y" * 5000), wordy("y" * 5000, says="y" * 9999)),
    "many egresses": answer_to(MANY, wordy(MANY[-1].egress)),
    "many egresses without a diagnosis": answer_to(MANY),
    "many egresses in Chinese": answer_to([held(f"{CHINESE}{n}", 9, n) for n in range(50)]),
    "each mechanism at once": answer_to(both(LONG), *ALL),
    "each mechanism, no control": answer_to([held(LONG, 10**9, 10**9)], *ALL),
    "hundreds of diagnoses": answer_to(MANY, *(ALL * 20)),
    "many thresholds": answer_to(both(LONG), wordy(LONG), thresholds=RULES, verdict=Verdict.FAIL),
    "many doubts": answer_to(
        both(LONG), wordy(LONG), doubts=[WORDS] * 20, verdict=Verdict.INCONCLUSIVE
    ),
    "all of it": answer_to(
        MANY, *ALL, thresholds=RULES, doubts=[WORDS] * 20, verdict=Verdict.FAIL, unproved=10**9,
        scenario=LONG,
    ),
    "all of it, in Chinese": answer_to(
        [held(f"{CHINESE}{n}", 9, n) for n in range(50)], wordy(CHINESE), thresholds=RULES,
        doubts=[CHINESE * 9] * 20, verdict=Verdict.FAIL, unproved=10**9, scenario=CHINESE,
    ),
    "nothing but failures": answer_to(
        [held(f"{LONG[:40]}{n}", 0, failed=10**9) for n in range(9)],
        wordy(drops=0, failures=10**9, of_failures=10**9, where=Where.SHARED),
    ),
    "crashed": answer_to(
        both(LONG), *ALL, status="crashed", crashed_at_utc="2026-11-23T02:13:07.123456Z",
        doubts=["the run crashed at 2026-11-23T02:13:07.123456Z", WORDS], scenario=LONG,
    ),
    "host unfit": answer_to(
        both(LONG),
        wordy(LONG, Mechanism.HOST_UNFIT, where=Where.HOST, who=Initiator.HOST),
        doubts=[WORDS] * 3, verdict=Verdict.INCONCLUSIVE,
    ),
    "partly": answer_to(
        both(LONG), wordy(LONG), wordy(LONG, Mechanism.ENDPOINT_GOODBYE, where=Where.ENDPOINT)
    ),
    "nobody known": answer_to(
        both(LONG), wordy(LONG, who=Initiator.UNKNOWN, grade=Grade.ERRNO, low=None, high=1)
    ),
    "no samples": answer_to([held(f"{LONG[:40]}{n}", 0) for n in range(50)], doubts=[WORDS] * 20),
}  # fmt: skip


@pytest.mark.parametrize("situation", LONGEST)
@pytest.mark.parametrize("folder", [FOLDER, Path("/") / ("x" * 250), Path("a/b") / LONG, None])
def test_the_longest_summaries_fit_one_screen(situation, folder):
    text = printed(LONGEST[situation], folder=folder)
    assert_fits(text)
    assert all(word in text for word in ("Is it the egress?", "Not proved", "Verdict"))


def test_there_are_twenty_situations():
    assert len(LONGEST) >= 20


def test_a_hostile_run_fits_one_screen(tmp_path):
    assert_fits(printed(summarise(hostile_run(tmp_path / "run")).answer))


def test_runs_without_a_word_fit_too(tmp_path):
    for number, status in enumerate((Status.COMPLETE, Status.RUNNING)):
        run = Story([], 0).recorded(tmp_path / str(number), status=status)
        assert_fits(printed(summarise(run).answer))


def test_of_many_egresses_those_with_most_drops_are_shown():
    text = printed(answer_to([held(f"e{n}", 100, n) for n in range(50)]))
    assert "\ne49 " in text
    assert "\ne1 " not in text
    shown = sum(line.startswith("e") for line in text.splitlines()) - 1
    assert f"and {50 - shown} more" in text


def test_where_nobody_wraps_each_answer_is_one_line():
    text = printed(answer_to(QUICKSTART, diagnosed(), unproved=10), width=10_000)
    (what,) = (line for line in text.splitlines() if line.startswith("What does it do?"))
    assert what.endswith("lived to the end.")


def test_the_answer_is_coloured_on_a_terminal_alone():
    answer = answer_to(QUICKSTART, diagnosed())
    assert "\x1b[" not in printed(answer)
    coloured = printed(answer, force_terminal=True, color_system="standard")
    assert "\x1b[1;31mYes" in coloured


def test_a_run_elsewhere_is_named_by_its_path():
    text = printed(answer_to(QUICKSTART), folder=Path("/srv/night"))
    assert "stresser show /srv/night --full\n" in text


def test_a_narrow_terminal_wraps_and_loses_nothing():
    answer = replace(answer_to(QUICKSTART, diagnosed()), egresses=[])
    text = printed(answer, width=50)
    assert max(map(len, text.splitlines())) <= 50
    assert " ".join(answer.what.split()) in " ".join(text.split())
