"""What a search found, from the recorded endings of its sessions."""

import pytest
from msgspec import convert

from stresser.analysis.counts.plan_facts import read_plan
from stresser.analysis.diagnosis.diagnosis import DiagnosedScope, Mechanism, Where
from stresser.analysis.summary.idle_limits import SearchAnswers
from stresser.classify.idle_answers import Beside, beside
from stresser.model.cohort import Cohort
from stresser.model.ending import Initiator, Kind
from stresser.model.events import SessionEnded
from stresser.model.evidence import Evidence, TcpInfo
from stresser.model.units import NS_PER_S
from tests.analysis.answer_story import diagnosed
from tests.analysis.story import Story
from tests.fakes.checked import tcp_info

VPN = Cohort("broker", "vpn", "idle_search")
PLAN = {"activities": [{"kind": "idle_search", "name": "idle_search", "up_to": "10m"}]}
DIAGNOSED = diagnosed(scope=DiagnosedScope(egress="vpn"))


class Search:
    """The sessions of a search, one after another."""

    def __init__(self):
        self.story = Story([VPN], 1)

    def lives(self, age, cohort=VPN, at=0.0, moved=0, messages=0):
        session = self.story.opens(cohort, at)
        self.story.ends_as_planned(session, at + age, idle_ns=age * NS_PER_S)
        self._moves(moved, messages)

    def dies(self, age, cohort=VPN, at=0.0, kind=Kind.FOUND_DEAD, moved=0, by=None, **evidence):
        seen = Evidence(idle_before_send_ns=age * NS_PER_S, **evidence)
        session = self.story.opens(cohort, at)
        who = {} if by is None else {"initiator": by}
        self.story.drops(session, at + age, kind, idle=age, evidence=seen, **who)
        self._moves(moved)

    def _moves(self, moved, messages=0):
        ended = self.story.events[-1]
        assert isinstance(ended, SessionEnded)
        ended.bytes_sent, ended.bytes_received = moved // 2, moved - moved // 2
        ended.messages = messages

    def limits(self, *diagnoses):
        answers = SearchAnswers(read_plan(PLAN))
        for event in self.story.events:
            answers.event(event)
        return answers.limits(diagnoses)


def forgetting(**evidence):
    """Alive to 299 s, dead from 301 s on, in two generations; busy ones live."""
    search = Search()
    for age in (100, 200, 250):
        search.lives(age)
    for age in (310, 400, 600):
        search.dies(age, **evidence)
    for age in (290, 299):
        search.lives(age, at=320)
    for age in (301, 303):
        search.dies(age, at=320, **evidence)
    search.lives(620, beside(VPN, Beside.BUSY))
    return search


def test_a_limit_with_what_refreshes_it():
    search = forgetting()
    for _ in range(2):
        search.dies(340, beside(VPN, Beside.UP), at=320)
        search.dies(340, beside(VPN, Beside.TCP_KEEPALIVE), at=320)
        search.lives(340, beside(VPN, Beside.DOWN), at=320, messages=3)
    idle, age = search.limits(DIAGNOSED)
    assert (idle.kind, idle.low, idle.high) == ("idle", 299 * NS_PER_S, 301 * NS_PER_S)
    assert (idle.form, idle.at_expiry, idle.tick) == (Kind.SILENCE, False, None)
    assert (idle.who, idle.where) == (Initiator.MIDDLEBOX, Where.EGRESS)
    assert (idle.refreshed_by.ping, idle.refreshed_by.tcp_keepalive) == (True, False)
    assert (idle.refreshed_by.up, idle.refreshed_by.unanswered_ping) == (False, False)
    assert idle.refreshed_by.down is True
    assert (idle.refreshed_by.one_byte, idle.refreshed_by.big_message) == (None, None)
    assert (idle.confirmed, idle.is_silence, idle.survived) == (True, True, 299 * NS_PER_S)
    assert (age.kind, age.low, age.high, age.survived) == ("age", None, None, 620 * NS_PER_S)


def test_who_answers_the_goodbye_with_a_reset_is_seen_by_the_socket():
    idle = forgetting(operation="receive").limits()[0]
    assert (idle.form, idle.at_expiry) == (Kind.TCP_RESET, False)
    assert (idle.who, idle.where) == (Initiator.UNKNOWN, Where.UNKNOWN)


def test_what_ends_of_itself_is_dated():
    search = Search()
    search.lives(7)
    for at in (0, 0.2, 0.4, 12, 13):
        search.dies(8.005, at=at, kind=Kind.TCP_FIN)
    (idle,) = search.limits()
    assert idle.low < 8.005 * NS_PER_S <= idle.high < 8.1 * NS_PER_S
    assert (idle.form, idle.at_expiry, idle.confirmed) == (Kind.TCP_FIN, True, True)
    assert idle.is_silence is None  # nobody was busy beside them


def test_no_limit_is_what_was_survived():
    search = Search()
    for age in (10, 100, 599):
        search.lives(age)
    (idle,) = search.limits()
    assert (idle.low, idle.high, idle.survived) == (None, None, 599 * NS_PER_S)
    assert (idle.reached, idle.dead, idle.form) == (True, 0, None)


def test_an_egress_that_goes_when_nothing_passes_is_told_where_no_session_met_a_limit():
    together, host = beside(VPN, Beside.TOGETHER), Initiator.HOST

    def searched(*ended_by):
        search = Search()
        for age in (10, 599):
            search.lives(age)
        for by in ended_by:
            search.lives(600, beside(VPN, Beside.BUSY))
            search.dies(45, together, at=610, by=by)
        search.lives(45, together, at=700)
        return search.limits(DIAGNOSED)[0]

    idle = searched(host, host)
    assert (idle.of_egress, idle.low, idle.high) == (True, 0, 45 * NS_PER_S)
    assert (idle.where, idle.who, idle.confirmed) == (Where.EGRESS, Initiator.UNKNOWN, False)
    assert (idle.refreshed_by.ping, idle.survived, idle.dead) == (True, 599 * NS_PER_S, 2)
    # Something else ended one of them, or all; or nothing did.
    for ended_by in ((host, Initiator.UNKNOWN), (Initiator.UNKNOWN,), ()):
        idle = searched(*ended_by)
        assert (idle.of_egress, idle.high) == (False, None)
    of_its_own = forgetting()
    of_its_own.dies(45, together, at=700, by=host)
    assert not of_its_own.limits(DIAGNOSED)[0].of_egress


def test_one_that_something_else_ended_is_no_limit():
    search = Search()
    for age in (10, 100, 200, 599):
        search.lives(age)
    search.dies(50, kind=Kind.TCP_RESET)
    (idle,) = search.limits()
    assert (idle.high, idle.dead, idle.reached) == (None, 1, True)


def test_where_busy_sessions_die_as_old_it_is_a_limit_of_age():
    search = Search()
    for age in (10, 100, 200):
        search.lives(age)
    for at in (0, 0.1, 310):
        search.dies(300, at=at, kind=Kind.TCP_RESET)
        search.dies(300, beside(VPN, Beside.BUSY), at=at, kind=Kind.TCP_RESET)
    idle, age = search.limits(diagnosed(Mechanism.AGE_LIMIT, scope=DiagnosedScope()))
    assert (idle.low, idle.high) == (None, None)
    assert age.low <= 300 * NS_PER_S <= age.high
    assert (age.kind, age.who) == ("age", Initiator.MIDDLEBOX)


def test_one_moment_is_no_limit_of_age():
    search = Search()
    search.lives(10)
    for _ in range(3):
        search.dies(300, beside(VPN, Beside.BUSY), kind=Kind.TCP_RESET)
    assert [one.high for one in search.limits()] == [None, None]


def test_one_moment_that_ends_busy_ones_too_is_no_limit_of_silence():
    """A black hole after 7 s: each is asked after another silence, and none opens any more."""
    search = Search()
    for age in (1, 3, 5, 6):
        search.lives(age)
    for age in (7, 8, 10, 14):
        search.dies(age)
    for _ in range(3):
        search.dies(14, beside(VPN, Beside.BUSY), kind=Kind.SILENCE)
        search.dies(22, beside(VPN, Beside.UP), kind=Kind.KERNEL_TIMEOUT)
    idle, age = search.limits(DIAGNOSED)
    assert (idle.low, idle.high, idle.survived) == (None, None, 6 * NS_PER_S)
    assert (age.high, age.survived) == (None, 6 * NS_PER_S)  # of silent ones, which were as old


@pytest.mark.parametrize(("late", "is_sure"), [((4, 4.2), True), ((4,), False), ((), False)])
def test_where_none_are_busy_such_as_began_later_confirm_a_limit(late, is_sure):
    search = Search()
    for age in (1, 4, 7):
        search.lives(age)
    for at in (0, 0.1, 0.4):
        search.dies(8, at=at)
    for at in late:
        search.lives(6, at=at)
    (idle,) = search.limits()
    assert (idle.high, idle.confirmed) == (8 * NS_PER_S, is_sure)


@pytest.mark.parametrize("said", [[], [True, False]])
def test_who_says_both_or_nothing_of_refreshing_says_nothing(said):
    search = forgetting()
    for lived in said:
        (search.lives if lived else search.dies)(340, beside(VPN, Beside.UP), at=320)
    assert search.limits()[0].refreshed_by.up is None


def test_who_was_asked_before_the_limit_or_died_sooner_says_nothing_of_refreshing():
    search = forgetting()
    search.lives(200, beside(VPN, Beside.UP), at=320)
    search.dies(150, beside(VPN, Beside.UP), at=320)
    assert search.limits()[0].refreshed_by.up is None


def test_who_was_known_to_live_long_after_the_limit_died_of_something_else():
    search = forgetting()
    search.dies(600, beside(VPN, Beside.UP), kind=Kind.TCP_RESET)
    assert search.limits()[0].refreshed_by.up is None


def test_who_broke_its_silence_in_any_way_and_lived_shows_that_it_is_no_limit_of_age():
    search = Search()
    for age in (5, 6, 7):
        search.lives(age)
    for age in (9, 10, 11):
        search.dies(age)
    assert search.limits()[0].is_silence is None
    search.lives(12, beside(VPN, Beside.TCP_KEEPALIVE))
    assert search.limits()[0].is_silence is True


@pytest.mark.parametrize("died_with_them", [False, True])
def test_busy_ones_confirm_a_limit_only_where_they_lived_through_the_deaths(died_with_them):
    search = Search()
    for age in (5, 6, 7):
        search.lives(age)
    for age in (9, 10, 11):
        search.dies(age)
    if died_with_them:  # another came in its place
        search.dies(9, beside(VPN, Beside.BUSY), kind=Kind.TCP_RESET)
        search.lives(15, beside(VPN, Beside.BUSY), at=10)
    else:
        search.lives(15, beside(VPN, Beside.BUSY))
    assert search.limits()[0].high == 9 * NS_PER_S
    assert search.limits()[0].confirmed is not died_with_them


def test_where_nothing_came_down_it_says_nothing():
    search = forgetting()
    search.dies(340, beside(VPN, Beside.DOWN), at=320)
    assert search.limits()[0].refreshed_by.down is None


def test_sessions_that_die_with_as_many_bytes_at_another_age_meet_a_limit_of_bytes():
    search = forgetting()
    for at in (0, 205):
        search.dies(200, beside(VPN, Beside.HEAVY), at=at, kind=Kind.TCP_RESET, moved=20_000)
    search.dies(400, beside(VPN, Beside.HALF_HEAVY), kind=Kind.TCP_RESET, moved=20_100)
    search.lives(80, beside(VPN, Beside.HEAVY), at=410, moved=8_000)
    blame = diagnosed(Mechanism.BYTE_LIMIT, scope=DiagnosedScope(egress="vpn"))
    idle, age, found = search.limits(blame)
    assert (idle.kind, age.kind, found.kind) == ("idle", "age", "bytes")
    assert found.low <= 20_000 <= found.high <= 20_200
    assert (found.unit, found.survived, found.dead, found.asked) == ("bytes", 8_000, 3, 4)
    assert (found.form, found.at_expiry, found.confirmed) == (Kind.TCP_RESET, True, True)
    assert found.who == Initiator.MIDDLEBOX


@pytest.mark.parametrize(("acked", "least"), [(19_500, 18_000), (None, 0)])
def test_what_was_sent_into_a_silence_afterwards_moved_nothing(acked, least):
    """It was acknowledged until then; a kernel that does not tell leaves it open."""
    search = forgetting()
    told = None if acked is None else convert(tcp_info(bytes_acked=acked, rtt_us=40_000), TcpInfo)
    for age, moved, every in ((200, 23_000, Beside.HEAVY), (400, 21_500, Beside.HALF_HEAVY)):
        search.dies(age, beside(VPN, every), kind=Kind.KERNEL_TIMEOUT, moved=moved, tcp_info=told)
        ended = search.story.events[-1]
        ended.bytes_sent, ended.bytes_received = moved - 400, 400
    found = search.limits()[-1]
    assert (found.kind, found.form, found.confirmed) == ("bytes", "silence", True)
    assert least <= found.low <= 19_900 <= found.high
    assert found.high <= (21_000 if acked else 23_000)


def test_without_a_limit_of_bytes_it_says_how_many_were_moved():
    search = forgetting()
    search.lives(600, beside(VPN, Beside.HEAVY), moved=60_000)
    search.lives(600, beside(VPN, Beside.HALF_HEAVY), moved=30_000)
    found = search.limits()[-1]
    assert (found.kind, found.low, found.high, found.survived) == ("bytes", None, None, 60_000)


def test_an_ordinary_run_has_no_limits():
    answers = SearchAnswers(read_plan({"activities": [{"kind": "silent", "name": "silent"}]}))
    for event in forgetting().story.events:
        answers.event(event)
    assert answers.limits([]) == []


def test_where_no_session_answered_nothing_is_known():
    (idle,) = Search().limits()
    assert (idle.low, idle.high, idle.survived, idle.asked) == (None, None, None, 0)
