import pytest
from msgspec.structs import asdict, replace

from stresser.analysis.diagnosis.diagnosis import DiagnosedScope, Mechanism
from stresser.analysis.summary.answers import answer_of
from stresser.analysis.summary.summary import Summary
from stresser.analysis.views.run_report import RunReport, gather_report
from stresser.report.first_screen import ask_of, drawn_limits, first_screen, told
from tests.analysis.answer_story import QUICKSTART, answer_to, diagnosed, made_run
from tests.analysis.story import idle_kill_story


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A real run's report, as if it had been diagnosed."""
    folder = tmp_path_factory.mktemp("runs") / "monday"
    [found] = gather_report([idle_kill_story().recorded(folder)], None).runs
    return found


def with_diagnoses(run: RunReport, *diagnoses) -> RunReport:
    summary = replace(run.summary, diagnoses=list(diagnoses))
    return replace(run, summary=replace(summary, answer=answer_of(summary)))


def summary_of(*diagnoses) -> Summary:
    figures = made_run(QUICKSTART, *diagnoses)
    return Summary(**asdict(figures), answer=answer_of(figures))


def test_three_tiles_hold_the_first_three_answers(run):
    first = first_screen(with_diagnoses(run, diagnosed(scope=DiagnosedScope(egress="vpn"))))
    assert [tile["question"] for tile in first["tiles"]] == [
        "Is it the egress?", "What does it do?", "Who?",
    ]  # fmt: skip
    is_it, what, who = first["tiles"]
    assert (is_it["first"], is_it["rest"]) == (
        "Yes: vpn.", "20 drops of 20 sessions; direct: none of 20.",
    )  # fmt: skip
    assert what["first"] == "Resets a session after 4 s of silence (79 of 79 drops)."
    assert who["first"] == "A middlebox behind vpn:"
    assert first["tile_class"] == "bad"
    assert (first["name"], first["state"].split(",")[0]) == ("made-up", "1 m")
    assert [row[0] for row in first["rows"]] == ["direct", "vpn"]


def test_what_is_sent_says_what_why_when_and_from_which_run(run):
    lines = ask_of(with_diagnoses(run, diagnosed())).splitlines()
    assert lines[0].startswith("Ask the network team: raise its idle timeout above 6 s")
    assert lines[1].startswith("Why: Through middlebox every session")
    assert lines[2].startswith("When: 2026-11-23T02:13:07.100000Z to ")
    assert lines[3].startswith("Run monday, from 2026-11-23T00:00:00")


def test_without_a_diagnosis_what_to_do_is_sent(run):
    assert ask_of(with_diagnoses(run)).startswith("Hold more sessions for longer")


def test_limits_of_time_are_drawn():
    vpn = DiagnosedScope(egress="vpn")
    idle, age = drawn_limits(
        summary_of(
            diagnosed(scope=vpn),
            diagnosed(Mechanism.AGE_LIMIT, low=None, high=60 * 10**9),
            diagnosed(Mechanism.BYTE_LIMIT, unit="bytes"),
        )
    )
    assert (idle.is_age, idle.egress, idle.words) == (False, "vpn", "4 s of silence")
    assert (idle.low_s, idle.high_s) == (3.98, 4.02)
    assert (age.is_age, age.low_s, age.words) == (True, 60, "at most 1 m old")


def test_a_run_that_was_recorded_draws_what_was_diagnosed_of_it(run):
    [limit] = drawn_limits(run.summary)
    assert limit.egress == "vpn"
    assert limit.low_s < 4.01 < limit.high_s


def test_texts_without_tiles_say_the_same():
    answer = answer_to(QUICKSTART, diagnosed())
    assert [text for _, text in told(answer)] == [
        answer.is_it, answer.what, answer.who, answer.what_to_do, answer.not_proved, answer.verdict,
    ]  # fmt: skip
