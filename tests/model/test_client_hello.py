"""Sizes and places in a ClientHello, in segments."""

import pytest

from stresser.model.client_hello import X25519_MLKEM768, HelloFacts, HelloKind, HelloSent


def facts(size=1557, at=1539, groups=(X25519_MLKEM768, 29)):
    return HelloFacts(size=size, name_at=at, name_size=18, groups=groups)


@pytest.mark.parametrize(
    ("segment", "segments", "of_name"), [(1460, 2, 2), (1556, 2, 2), (1557, 1, 1), (400, 4, 4)]
)
def test_segments(segment, segments, of_name):
    assert facts().sent(segment) == HelloSent(size=1557, segments=segments)
    assert facts().name_segment(segment) == of_name


def test_a_name_that_is_cut_is_in_the_segment_in_which_it_ends():
    assert facts(at=1450).name_segment(1460) == 2
    assert facts(at=1442).name_segment(1460) == 1


def test_what_is_not_known():
    assert facts().sent(None) == HelloSent(size=1557)
    assert facts(at=None).name_segment(1460) is None


def test_kinds():
    assert facts().kind is HelloKind.HYBRID
    assert facts(groups=(29,)).kind is facts(groups=()).kind is HelloKind.CLASSIC
