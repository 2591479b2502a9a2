import msgspec

from stresser.analysis.summary.run_figures import RunFigures
from stresser.analysis.summary.summary import Summary, summarise
from tests.analysis.answer_story import QUICKSTART, diagnosed, made_run
from tests.analysis.story import idle_kill_story


def test_figures_with_diagnoses_are_read_back_as_they_were():
    run = made_run(QUICKSTART, diagnosed())
    assert msgspec.json.decode(msgspec.json.encode(run), type=RunFigures) == run


def test_a_summary_is_the_figures_and_the_answer(tmp_path):
    summary = summarise(idle_kill_story().recorded(tmp_path))
    assert Summary.__struct_fields__ == (*RunFigures.__struct_fields__, "answer")
    assert [row.drops for row in summary.answer.egresses] == [0, 20]
