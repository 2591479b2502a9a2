import pytest
from msgspec.structs import replace

from stresser.analysis.views.both_ends_table import BothEndsTable
from stresser.model.ending import Kind
from stresser.model.events import SessionEnded
from stresser.model.far_end import FarEnd
from tests.record.sample_events import numbered, session_ended

S = 10**9
US = 1000
HERE_NS = session_ended().ending.dead_by_ns


def ended(
    session: int,
    kind: Kind = Kind.TCP_RESET,
    there: Kind | None = Kind.TCP_RESET,
    later_s: float = 0,
    *,
    is_drop: bool = True,
    within_ns: int = 1_000_000,
) -> SessionEnded:
    """A session that ended here, and there so much later."""
    event = session_ended()
    at_ns = HERE_NS + round(later_s * S)
    far = FarEnd(
        within_ns=within_ns, kind=there, at_ns=None if there is None else at_ns,
        known_until_ns=at_ns, peer="198.51.100.7:40001",
    )  # fmt: skip
    evidence = replace(event.ending.evidence, far_end=far)
    ending = replace(event.ending, kind=kind, is_drop=is_drop, evidence=evidence)
    return replace(event, session=session, ending=ending)


def table(*events, most=1000):
    made = BothEndsTable(most)
    for event in events:
        made.event(event)
    return made.figures()


def row(*given, **more):
    [one] = table(ended(1, *given, **more)).rows
    return one


def test_a_row_has_what_both_ends_met_when_and_who_held_it_for_longer():
    one = row(Kind.TCP_RESET, Kind.TCP_FIN, 4)
    assert (one.session, one.here, one.there, one.is_drop, one.differ) == (
        1, Kind.TCP_RESET, Kind.TCP_FIN, True, True,
    )  # fmt: skip
    assert (one.here_us, one.there_us) == (HERE_NS // US, (HERE_NS + 4 * S) // US)
    assert (one.within_us, one.held_longer_us) == (1000, 4 * 10**6 - 1000)
    assert one.local.endswith(":50123")
    assert one.seen_as == "198.51.100.7:40001"


@pytest.mark.parametrize(
    ("here", "there", "later_s", "differ"),
    [
        (Kind.TCP_RESET, Kind.TCP_RESET, 0, False),
        (Kind.TCP_RESET, Kind.TCP_FIN, 0, True),
        (Kind.TCP_RESET, None, 1, False),  # not known for long enough
        (Kind.TCP_RESET, None, 9, True),
        (Kind.TCP_RESET, Kind.TCP_RESET, 9, True),
        (Kind.TCP_RESET, Kind.TCP_RESET, -9, True),
        (Kind.SILENCE, Kind.KERNEL_TIMEOUT, -9, False),
        (Kind.SILENCE, Kind.KERNEL_TIMEOUT, 900, True),
        (Kind.SILENCE, Kind.TCP_RESET, 0, True),
        (Kind.PLANNED, Kind.WS_CLOSE, 0, False),
        (Kind.PLANNED, Kind.TCP_RESET, 0, True),
        (Kind.PLANNED, Kind.PLANNED, 0, False),
        (Kind.WS_CLOSE, Kind.PLANNED, 0, False),
        (Kind.TCP_RESET, Kind.PLANNED, 0, True),
    ],
)
def test_whether_the_two_ends_differ(here, there, later_s, differ):
    assert row(here, there, later_s).differ is differ


def test_drops_come_first_and_those_that_differ_before_others_and_there_is_a_bound():
    fine = [ended(n, Kind.PLANNED, Kind.WS_CLOSE, is_drop=False) for n in range(10)]
    odd = ended(20, Kind.PLANNED, None, 9, is_drop=False)
    dropped, differs = ended(30), ended(40, Kind.TCP_RESET, Kind.TCP_FIN)
    found = table(*fine, odd, dropped, differs, session_ended(), numbered(1), most=5)
    assert [one.session for one in found.rows] == [40, 30, 20, 0, 1]
    assert found.more == 8
    assert found.differ == 2
    # Some of those have no row.
    assert table(odd, dropped, differs, most=1).differ == 2
    assert table().rows == []


def test_what_a_reflector_says_is_escaped():
    event = ended(1)
    far = FarEnd(within_ns=1, known_until_ns=1, peer="\x1b[31m" + "x" * 999)
    evidence = replace(event.ending.evidence, far_end=far)
    [one] = table(replace(event, ending=replace(event.ending, evidence=evidence))).rows
    assert "\x1b" not in one.seen_as
    assert len(one.seen_as) < 200
