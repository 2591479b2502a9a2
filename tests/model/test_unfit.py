"""Who is unfit for which cause."""

from stresser.model.ending import Initiator
from stresser.model.unfit import LATE_NS, UNFIT_LAG_NS, WHO_IS_UNFIT, UnfitCause


def test_each_cause_is_the_hosts_or_the_tools():
    assert set(WHO_IS_UNFIT) == set(UnfitCause)
    assert set(WHO_IS_UNFIT.values()) == {Initiator.HOST, Initiator.TOOL}


def test_what_stresser_did_itself_is_not_the_hosts():
    own = {cause for cause, who in WHO_IS_UNFIT.items() if who is Initiator.TOOL}
    assert own == {UnfitCause.GC, UnfitCause.BUSY, UnfitCause.UNKNOWN}


def test_unfit_is_worse_than_late():
    assert UNFIT_LAG_NS > LATE_NS
