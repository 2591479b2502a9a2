from stresser.analysis.summary.mechanism_words import what_it_does
from stresser.model.ending import WORKER_DIED, Initiator, Kind, Phase
from stresser.model.events import WorkerEnded
from tests.analysis.diagnosis import situations as of
from tests.analysis.diagnosis.made_runs import MadeRun, answers, cohort
from tests.analysis.diagnosis.situations import HOST
from tests.analysis.story import utc

S = 10**9


def test_the_change_that_the_kernel_told_stands_beside_its_drops():
    one = of.host_removes_its_route().only()
    assert (one.drops, one.failures) == (20, 20)
    assert one.ask.says == "Look at what changed the path of sus (route removed gone)."


def test_who_died_before_the_change_is_not_its():
    run = of.host_removes_its_route()
    early = run.opens(cohort("sus"), 0.1)
    run.drops(early, 4.9, Kind.SILENCE, alive=1, idle=4, why=("own-route-changed",), **HOST)
    found = run.diagnosed().diagnoses
    assert (found[0].mechanism, found[0].drops) == ("path_change", 20)


def test_a_host_without_a_route_and_without_a_change_is_unfit():
    run = MadeRun(cohort("sus"))
    for n in range(3):
        run.fails(cohort("sus"), n, Kind.UNREACHABLE, Phase.CONNECT, ("failed-here",), **HOST)
    assert answers(run.only()) == ("host_unfit", "host", "host", "this_host")


def test_a_limit_of_stresser_is_the_tools():
    run = MadeRun(cohort("sus"))
    run.fails(cohort("sus"), 1, Kind.TOOL, Phase.CONNECT, initiator=Initiator.TOOL)
    assert answers(run.only()) == ("tool_unfit", "tool", "tool", "this_host")


def test_sessions_that_slept_with_their_host_are_told_though_they_are_no_drops():
    run = MadeRun(cohort("sus"))
    run.drops(run.opens(cohort("sus"), 0), 5, Kind.HOST_SLEPT, initiator=Initiator.HOST)
    one = run.only()
    assert (one.mechanism, one.drops) == ("host_unfit", 0)
    assert "1 session ended so, which is no drop" in one.says


def test_attempts_that_failed_and_sessions_that_slept_are_one_sentence():
    run = MadeRun(cohort("sus"))
    run.drops(run.opens(cohort("sus"), 0), 5, Kind.HOST_SLEPT, initiator=Initiator.HOST)
    run.fails(cohort("sus"), 6, Kind.UNREACHABLE, Phase.CONNECT, ("failed-here",), **HOST)
    said = "Through sus, 1 attempt failed, and 1 session ended so, which is no drop."
    assert run.only().says == said


def test_attempts_alone_name_the_change_that_stopped_them():
    run = MadeRun(cohort("sus"))
    run.path_changes(2)
    for at in (3, 4):
        run.fails(
            cohort("sus"), at, Kind.UNREACHABLE, Phase.CONNECT, ("own-route-changed",), **HOST
        )
    assert run.only().says == "Through sus, 2 attempts failed: route removed gone."


def test_where_a_worker_died_it_is_asked_why():
    run = MadeRun(cohort("sus"))
    for at in (1, 2):
        session = run.opens(cohort("sus"), at)
        run.drops(session, 5, Kind.TOOL, initiator=Initiator.TOOL, failure=WORKER_DIED)
    run.story.events.append(
        WorkerEnded(
            t_ns=5 * S, utc=utc(5 * S), worker=2, workers=3, how="killed by\x1bSIGKILL", sessions=2
        )
    )
    one = run.only()
    assert answers(one) == ("tool_unfit", "tool", "tool", "this_host")
    assert one.drops == 0
    assert "2 sessions ended so, which is no drop" in one.says
    assert one.ask.says.startswith(
        "Find out what ended worker 2 of 3 (killed by\\x1bSIGKILL): where"
    )
    assert what_it_does(one) == "stresser itself was not fit to hold the sessions."
