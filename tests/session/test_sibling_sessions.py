"""Who lived on, and whether an egress was ever silent."""

import trio

from stresser.model.cohort import Cohort, Pair
from stresser.model.evidence import SiblingAlive
from stresser.model.units import NS_PER_MS
from stresser.session.sibling_sessions import OUTAGE_NS, SiblingSessions
from tests.fakes.world import in_virtual_time

OLDER_THAN, ALIVE_AFTER = 50, 100
REMOTE, HOST = "192.0.2.1:443", "192.0.2.1"


def alive(session, egress, answered_ns):
    return SiblingAlive(session=session, egress=egress, answered_ns=answered_ns)


def groups():
    """Sessions to one endpoint through two egresses, and to another through one of them."""
    all_ = SiblingSessions()
    vpn = all_.of(Cohort("broker", "vpn", "heartbeat"), REMOTE, HOST)
    direct = all_.of(Cohort("broker", "direct", "silent"), REMOTE, HOST)
    other = all_.of(Cohort("gateway", "vpn", "heartbeat"), "192.0.2.2:443", "192.0.2.2")
    return vpn, direct, other


def asked(question, *told, before=()):
    """What a question finds; siblings answered before it, and one a second from then on.

    Each of these: the group, session, when it was opened, when its ping was sent.
    """

    async def story():
        vpn, *_ = made = groups()
        found: list[SiblingAlive | None] = []

        async def ask():
            found.append(await getattr(vpn, question)(OLDER_THAN, ALIVE_AFTER, within_s=3.0))

        for group, session, opened_ns, sent_ns in before:
            made[group].answered(session, opened_ns, sent_ns, sent_ns)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            for group, session, opened_ns, sent_ns in told:
                await trio.sleep(0.9)
                made[group].answered(session, opened_ns, sent_ns, sent_ns)
        return found[0]

    return in_virtual_time(story)


VPN, DIRECT, OTHER = range(3)


def test_an_older_session_that_answers_a_later_ping_proves_it():
    assert asked("sibling", (VPN, 7, 50, 100)) == alive(7, "vpn", 100)
    assert asked("sibling", (DIRECT, 8, 50, 100)) == alive(8, "direct", 100)
    assert asked("control", (VPN, 7, 50, 100), (DIRECT, 8, 50, 101)) == alive(8, "direct", 101)


def test_what_is_known_already_is_not_waited_for():
    assert asked("control", before=[(DIRECT, 8, 50, 100)]) == alive(8, "direct", 100)


def test_a_younger_session_proves_nothing():
    assert asked("sibling", (VPN, 7, 51, 100)) is None  # opened after a restart, perhaps


def test_a_ping_sent_before_the_end_proves_nothing():
    assert asked("sibling", (VPN, 7, 50, 99), before=[(VPN, 8, 50, 99)]) is None


def test_only_the_same_server_counts():
    assert asked("sibling", (OTHER, 7, 50, 100)) is None
    assert asked("control", (OTHER, 7, 50, 100)) is None


def test_nobody_is_waited_for_longer_than_asked():
    late = [(VPN, n, 60, 100) for n in range(3)]
    assert asked("sibling", *late, (VPN, 9, 50, 100)) is None


def test_where_a_proxy_chose_the_address_a_session_at_any_address_is_a_control():
    async def story():
        all_ = SiblingSessions()
        proxied = all_.of(Cohort("broker", "proxy", "heartbeat"), "broker.example:443", "10.0.0.1")
        direct = all_.of(Cohort("broker", "direct", "heartbeat"), REMOTE, HOST)
        direct.answered(8, 50, 100, 100)
        other_way = await direct.control(OLDER_THAN, ALIVE_AFTER, within_s=0.1)
        return await proxied.control(OLDER_THAN, ALIVE_AFTER, within_s=0.1), other_way

    assert in_virtual_time(story) == (alive(8, "direct", 100), None)


def test_an_egress_that_was_silent_may_have_had_an_outage():
    vpn, direct, other = groups()
    step = 100 * NS_PER_MS
    for n in range(50):
        (vpn if n % 2 else other).answered(n, 0, n * step, n * step)
    end_ns = 49 * step
    assert vpn.was_heard(end_ns - 10 * step, end_ns + step)
    assert not vpn.was_heard(end_ns, end_ns + OUTAGE_NS)
    vpn.ended(1, end_ns + OUTAGE_NS)  # the reset of another is heard
    assert not vpn.was_heard(end_ns + step, end_ns + 2 * step)  # within that silence
    assert not direct.was_heard(0, end_ns)


def test_before_anybody_was_heard_there_may_have_been_an_outage():
    vpn, *_ = groups()
    vpn.opened(1, "heartbeat", 9, 10)
    vpn.ended(1, 10 + OUTAGE_NS)
    assert not vpn.was_heard(5, 10 + OUTAGE_NS)
    other, *_ = groups()
    other.ended(1, OUTAGE_NS)
    assert not other.was_heard(0, OUTAGE_NS)
    assert other.was_heard(OUTAGE_NS - 10, OUTAGE_NS)


def test_whether_one_as_old_is_open_through_another_egress():
    vpn, direct, _ = groups()
    assert vpn.has_control
    assert not vpn.as_old_is_open("silent", 50)
    direct.opened(7, "silent", 40, 41)
    assert vpn.as_old_is_open("silent", 50)
    assert not vpn.as_old_is_open("silent", 39)  # it is younger
    assert not vpn.as_old_is_open("heartbeat", 50)
    assert not direct.as_old_is_open("silent", 50)  # it is no control of its own
    direct.ended(7, 60)
    assert not vpn.as_old_is_open("silent", 50)


def test_pongs_that_come_a_retransmission_late_tell_of_losses():
    vpn, direct, _ = groups()
    for n in range(20):
        late_ns = 250 * NS_PER_MS if n % 5 == 0 and n else 0
        at_ns = n * 500 * NS_PER_MS
        vpn.answered(n, 0, at_ns, at_ns + NS_PER_MS + late_ns)
        direct.answered(n, 0, at_ns, at_ns + 300 * NS_PER_MS)  # far away, and steady
    assert vpn.egress_is_lossy(0)
    assert not vpn.egress_is_lossy(9 * 10**9)  # not lately
    assert not direct.egress_is_lossy(0)


def test_whether_others_through_the_egress_are_answered():
    vpn, direct, other = groups()
    other.answered(3, 0, 100, 120)
    assert vpn.egress_answered_since(100)
    assert not vpn.egress_answered_since(101)
    assert not direct.egress_answered_since(0)


def test_a_thousand_questions_are_answered_by_one_pong():
    async def story():
        vpn, direct, _ = groups()
        found = []

        async def ask():
            found.append(await vpn.control(OLDER_THAN, ALIVE_AFTER, within_s=3.0))

        async with trio.open_nursery() as nursery:
            for _ in range(1000):
                nursery.start_soon(ask)
            await trio.testing.wait_all_tasks_blocked()
            direct.answered(8, 50, 100, 100)
        return found

    assert in_virtual_time(story) == [alive(8, "direct", 100)] * 1000


def test_groups_are_told_apart_by_endpoint_egress_and_address():
    all_ = SiblingSessions()
    cohort = Cohort("broker", "vpn", "heartbeat")
    assert all_.of(cohort, REMOTE, HOST) is all_.of(cohort._replace(activity="x"), REMOTE, HOST)
    assert all_.of(cohort, REMOTE, HOST) is not all_.of(cohort, "192.0.2.9:443", "192.0.2.9")


def test_whether_one_that_was_there_lives_after_a_moment():
    all_ = SiblingSessions()
    vpn = all_.of(Cohort("broker", "vpn", "busy"), REMOTE, HOST)
    pair = Pair("broker", "vpn")
    assert not all_.lives(pair, 100)
    vpn.answered(1, connected_ns=50, ping_sent_ns=90, now_ns=95)
    vpn.answered(2, connected_ns=110, ping_sent_ns=120, now_ns=125)
    assert not all_.lives(pair, 100), "asked before it, or opened after it"
    vpn.answered(1, connected_ns=50, ping_sent_ns=130, now_ns=135)
    assert all_.lives(pair, 100)
    assert not all_.lives(Pair("broker", "direct"), 100)
