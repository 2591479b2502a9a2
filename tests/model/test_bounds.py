"""A figure from a file that no run can have had is a mistake of the file."""

import msgspec
import pytest

from stresser.model.bounds import Count, Whole


@pytest.mark.parametrize("value", [2**62 + 1, -(2**62) - 1, 10**400])
def test_what_no_run_can_have_is_refused(value):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(value, Whole)


def test_a_count_is_not_negative():
    assert msgspec.convert(3, Count) == 3
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(-1, Count)
