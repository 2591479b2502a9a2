"""When a hello counts as answered, as failed, and as neither."""

import pytest

from stresser.model.hello_tried import HelloOutcome, HelloShape, HelloTried

STOOD, ALERT, CUT = HelloOutcome.STOOD, HelloOutcome.ALERT, HelloOutcome.CUT
LOST, UNKNOWN = HelloOutcome.LOST, HelloOutcome.UNKNOWN


@pytest.mark.parametrize(
    ("outcomes", "holds"),
    [
        ([STOOD, STOOD], {"answered", "stood"}),
        ([STOOD, ALERT], {"answered"}),
        ([ALERT, ALERT], {"answered", "refused"}),
        ([CUT, LOST], {"failed"}),
        ([LOST, LOST, LOST], {"failed"}),
        ([STOOD, LOST], set()),
        ([LOST, UNKNOWN], set()),
        ([UNKNOWN, UNKNOWN], set()),
        ([STOOD], set()),
        ([LOST], set()),
        ([], set()),
    ],
)
def test_what_holds_twice_and_each_time(outcomes, holds):
    tried = HelloTried(shape=HelloShape.CLASSIC, outcomes=outcomes)
    every = ("answered", "stood", "failed", "refused")
    assert {name for name in every if getattr(tried, name)} == holds
