"""The five questions, for each situation that a run can be in."""

import pytest
from msgspec.structs import replace

from stresser.analysis.diagnosis.diagnosis import (
    Ask,
    Control,
    DiagnosedScope,
    Mechanism,
    Where,
    Whom,
)
from stresser.analysis.diagnosis.hop_stops import HopStop
from stresser.analysis.summary.answer import IsIt
from stresser.model.ending import Grade, Initiator
from stresser.model.units import NS_PER_S
from tests.analysis.answer_story import QUICKSTART, answer_to, diagnosed, held
from tests.analysis.words.test_far_end_words import STEADY, varied
from tests.analysis.words.test_far_end_words import ends as jumpy_ends

BOTH = [held("direct", 60, 40), held("vpn", 60, 38)]
BOTH_LIVED = [held("direct"), held("vpn")]
NOBODY = Ask(whom=Whom.NOBODY, says="Nothing.")
OWNER = Ask(whom=Whom.SERVICE_OWNER, says="Raise its maximum age.")


def everywhere(where, who=Initiator.UNKNOWN, mechanism=Mechanism.AGE_LIMIT, **changes):
    fields = {"scope": DiagnosedScope(), "drops": 78, "of_drops": 78, "controls": [], "ask": OWNER}
    return diagnosed(mechanism, where=where, who=who, **(fields | changes))


def test_the_quickstart():
    found = answer_to(QUICKSTART, diagnosed(), unproved=10)
    assert found.is_egress is IsIt.YES
    assert found.is_it == "Yes: middlebox. 79 drops of 96 sessions; direct: none of 20."
    assert found.what == (
        "Resets a session after 4 s of silence (79 of 79 drops). Not age: 5 sessions that ping"
        " every 2 s lived to the end."
    )
    assert found.who == ("A middlebox behind middlebox: sessions like them lived through direct.")
    assert found.what_to_do == (
        "Ask the network team: raise its idle timeout above 6 s, or ping within 4 s."
    )
    assert found.not_proved.startswith(
        "Whether 10 silent sessions lived (nothing came back at the end)."
    )
    assert [row.egress for row in found.egresses] == ["direct", "middlebox"]
    assert [what for what, _ in found.lines()] == [
        "Is it the egress?", "What does it do?", "Who?", "What to do", "Not proved",
    ]  # fmt: skip


def test_who_names_the_hop_where_it_is_known():
    stop = HopStop(
        after=2, address="203.0.113.1", next=3, next_address="203.0.113.5", alone=True, walks=3,
        of_walks=3,
    )  # fmt: skip
    assert answer_to(QUICKSTART, diagnosed(hop=stop)).who == (
        "A middlebox behind middlebox: flows stop after hop 2 (203.0.113.1), where others pass."
    )
    hello = replace(stop, hello=True, address="2001:db8:0:100::1", after=12)
    assert answer_to(QUICKSTART, diagnosed(hop=hello)).who == (
        "A middlebox behind middlebox: ClientHellos stop after hop 12 (2001:db8:0:100::1), where"
        " others pass."
    )
    outage = replace(stop, alone=False)
    found = answer_to(QUICKSTART, diagnosed(hop=outage, who=Initiator.UNKNOWN))
    assert found.who.endswith("that middlebox reaches. All stop after hop 2 (203.0.113.1).")


def test_no_drop_at_all():
    found = answer_to([held("direct"), held("vpn")], unproved=40)
    assert found.is_egress is IsIt.NOTHING
    assert found.is_it == "No sign of it: no drop of 40 sessions through direct and vpn."
    assert found.what == "Nothing in 30 s: no session dropped."
    assert found.who == "No one: no session was ended."
    assert found.what_to_do.startswith("Nothing. Sessions held longer than 30 s")
    assert found.not_proved.startswith("Whether 40 silent sessions lived")


def test_one_egress_alone_has_nothing_to_compare_with():
    found = answer_to(
        [held("vpn", 60, 40)],
        diagnosed(
            scope=DiagnosedScope(egress="vpn"), where=Where.UNKNOWN, who=Initiator.UNKNOWN,
            ask=Ask(whom=Whom.THIS_HOST, says="Hold the same endpoints through a second egress."),
        ),
    )  # fmt: skip
    assert found.is_egress is IsIt.UNKNOWN
    assert found.is_it.startswith(
        "Unknown: every session went through vpn, with nothing beside it."
    )
    assert found.who == "Unknown."
    assert "second egress" in found.what_to_do


@pytest.mark.parametrize(
    ("where", "who", "is_it", "says"),
    [
        (Where.ENDPOINT, Initiator.UNKNOWN,
         "No: direct and vpn are alike: it is the endpoint or a box in front of it.",
         "Unknown: the endpoint, or a box directly in front of it."),
        (Where.SHARED, Initiator.UNKNOWN,
         "No single egress: direct and vpn are alike.",
         "Unknown: the endpoint, or a box that all egresses share."),
        (Where.ENDPOINT, Initiator.ENDPOINT, "No: direct and vpn", "The endpoint: "),
        (Where.HOST, Initiator.HOST, "No: it is this host.", "This host."),
        (Where.TOOL, Initiator.TOOL, "No: it is stresser itself.", "stresser itself."),
    ],
)  # fmt: skip
def test_drops_through_every_egress(where, who, is_it, says):
    found = answer_to(BOTH, everywhere(where, who))
    assert found.is_egress is IsIt.NO
    assert found.is_it.startswith(is_it)
    assert "direct: 40 drops of 60 sessions; vpn: 38 of 60." in found.is_it
    assert found.who.startswith(says)
    assert "shown for" not in found.is_it


def test_what_is_not_the_egress_is_shown_for_some_of_the_drops():
    found = answer_to(
        BOTH, everywhere(Where.ENDPOINT, drops=40), everywhere(Where.UNKNOWN, drops=38)
    )
    assert found.is_egress is IsIt.NO
    assert "in front of it. That is shown for 40 of 78 drops." in found.is_it


def test_nothing_but_failures():
    failed = [held("direct", 0, failed=40), held("vpn", 0, failed=38)]
    found = answer_to(failed)
    assert found.is_egress is IsIt.UNKNOWN
    assert found.is_it.startswith("Unknown: no control decides.")
    assert "direct: 40 of 40 attempts failed" in found.is_it
    assert found.what.startswith("Not explained: 40 refused connections in phase connect")
    assert "No session opened." in found.verdict
    down = everywhere(
        Where.SHARED, mechanism=Mechanism.ENDPOINT_DOWN, drops=0, of_drops=0, failures=78,
        of_failures=78,
    )  # fmt: skip
    told = answer_to(failed, down)
    assert told.what.startswith(
        "Connections to the endpoint are refused, at 02:13:07 UTC (78 of 78"
    )


def test_several_diagnoses_name_each_and_ask_for_each():
    goodbye = everywhere(
        Where.ENDPOINT, Initiator.ENDPOINT, Mechanism.ENDPOINT_GOODBYE, drops=12, of_drops=12,
    )  # fmt: skip
    found = answer_to([held("direct", 30, 6), held("middlebox", 96, 85)], diagnosed(), goodbye)
    assert found.is_egress is IsIt.PARTLY
    assert found.is_it == (
        "Partly: middlebox. 85 drops of 96 sessions; direct: 6 of 30. Of all 91 drops, 79 are its"
        " doing."
    )
    assert "Also: goodbyes of the endpoint (12 drops)." in found.what
    assert "Ask the service's owner: raise its maximum age." in found.what_to_do


def test_more_diagnoses_than_have_room_are_counted():
    many = [diagnosed(mechanism, number=n) for n, mechanism in enumerate(Mechanism, 1)]
    assert "and 16 more." in answer_to(QUICKSTART, *many).what or (
        "Also: 20 other causes" in answer_to(QUICKSTART, *many).what
    )


def test_drops_that_no_diagnosis_explains_are_counted():
    found = answer_to([held("direct"), held("middlebox", 96, 82)], diagnosed())
    assert "What ended 3 other drops." in found.not_proved


def test_a_crash_and_an_unfit_host_come_first_in_what_is_not_proved():
    doubts = ["the run crashed at 2026-11-23T02:13:07Z", "this host slept 1 time, 2 h in all"]
    found = answer_to(QUICKSTART, diagnosed(), doubts=doubts, unproved=10)
    assert found.not_proved.startswith("The run crashed at 2026-11-23T02:13:07Z. This host slept")


def test_a_run_near_the_limits_of_its_machine_says_so_beside_the_results():
    near = ["Near this machine's limits (measured 2026-11-30): 90 of 100 pings a second.", "So."]
    found = answer_to(QUICKSTART, diagnosed(), near_limits=near)
    assert found.not_proved == near[0]
    short = answer_to(QUICKSTART, diagnosed(), near_limits=["Near: all."]).not_proved
    assert short == "Near: all. Limits slower than 30 s: no session was held longer."


def test_of_limits_beyond_what_was_held_nothing_is_known():
    found = answer_to(BOTH_LIVED, longest_held_ns=9 * NS_PER_S)
    assert found.what_to_do == "Nothing. Sessions held longer than 9 s find slower limits."
    assert found.not_proved == "Limits slower than 9 s: no session was held longer."


def test_no_sample():
    for cohorts in ([], [held("vpn", 0)]):
        found = answer_to(cohorts)
        assert found.is_it == "Unknown: no attempt came to an end."
        assert found.what == "Nothing was seen."
        assert "stresser doctor" in found.what_to_do


def test_what_contradicts_a_diagnosis_is_shown():
    found = answer_to(QUICKSTART, diagnosed(against=["2 sessions were silent for 9 s and lived"]))
    assert found.not_proved.startswith("Against it: 2 sessions were silent for 9 s and lived.")


@pytest.mark.parametrize(
    ("grade", "words"),
    [
        (Grade.REFLECTOR, "the far side's own record shows it."),
        (Grade.PACKET, "packets show it."),
        (Grade.COMPARISON, "sessions like them lived through direct."),
    ],
)
def test_who_rests_on_its_grade(grade, words):
    assert answer_to(QUICKSTART, diagnosed(grade=grade)).who.endswith(words)


@pytest.mark.parametrize(
    ("kinds", "words"),
    [
        ({"tcp_reset": 79}, "The middlebox: its own log has the same 79 TCP resets."),
        ({"tcp_reset": 70, "tcp_fin": 9}, "The middlebox: its own log has the same 79 endings."),
    ],
)
def test_a_middlebox_that_says_so_itself_is_quoted(kinds, words):
    found = answer_to(QUICKSTART, diagnosed(grade=Grade.REFLECTOR, by_log=True, kinds=kinds))
    assert found.who == words


@pytest.mark.parametrize(
    ("by_log", "words"),
    [
        (True, "The middlebox: {}; its own log has the same 79 TCP resets."),
        (False, "A middlebox behind middlebox: {}."),
    ],
)
def test_both_ends_are_quoted(by_log, words):
    both = "both ends met a reset and neither had closed (77 of 79 drops)"
    found = diagnosed(
        grade=Grade.REFLECTOR,
        by_log=by_log,
        kinds={"tcp_reset": 79},
        by_both_ends={"far-end-was-reset-too": 77, "far-end-closed": 2},
    )
    assert answer_to(QUICKSTART, found).who == words.format(both)


def test_delays_that_vary_in_one_direction_stand_beside_what_ends_sessions():
    ends = [STEADY, jumpy_ends(varied(26.7), varied(0.654))]
    words = (
        "Through vpn delays to the far end vary by 26.7 ms (from it by 654 us, through direct by"
    )
    for found in (
        answer_to(BOTH_LIVED, both_ends=ends),
        answer_to(QUICKSTART, diagnosed(), both_ends=ends),
    ):
        assert words in found.what
    assert "delays" not in answer_to(BOTH_LIVED, both_ends=[STEADY, STEADY]).what


def test_both_ends_that_name_another_are_not_quoted():
    found = diagnosed(by_both_ends={"far-end-closed": 2})
    assert answer_to(QUICKSTART, found).who.startswith("A middlebox behind middlebox: sessions")


def test_where_the_machine_behind_an_egress_may_differ_nobody_is_named():
    found = answer_to(QUICKSTART, diagnosed(who=Initiator.UNKNOWN))
    assert found.is_egress is IsIt.YES
    assert found.who == "Unknown: a box behind middlebox, or the machine that middlebox reaches."


def test_an_endpoint_is_named_with_what_shows_it():
    lived = Control(
        scope=DiagnosedScope(endpoint="other", egress="vpn"), sessions=20, drops=0, says="none was"
    )
    scope = {"scope": DiagnosedScope(endpoint="broker")}
    found = answer_to(BOTH, everywhere(Where.ENDPOINT, controls=[lived], **scope))
    assert found.is_it.startswith("No: direct and vpn are alike, while other endpoints live.")
    died = replace(lived, drops=20)
    found = answer_to(BOTH, everywhere(Where.ENDPOINT, controls=[died], **scope))
    assert found.is_it.startswith("No: direct and vpn are alike: it is the endpoint or a box")
    alone = answer_to([held("vpn", 60, 40)], everywhere(Where.ENDPOINT, Initiator.ENDPOINT))
    assert alone.is_it.startswith("No: it is the endpoint's own doing.")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"kinds": {"ws_close": 78}}, "it said so itself."),
        ({"mechanism": Mechanism.PING_INTOLERANCE}, "no one else sees a ping under TLS."),
        ({"grade": Grade.PACKET}, "packets show it."),
    ],
)
def test_what_names_the_endpoint(changes, words):
    found = answer_to(BOTH, everywhere(Where.ENDPOINT, Initiator.ENDPOINT, **changes))
    assert found.who == f"The endpoint: {words}"
