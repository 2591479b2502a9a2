"""The closed lists of verdicts on chains."""

from stresser.model.chain import UNDECIDED_ROOTS, ChainClass, ChainRoot


def test_the_lists_are_what_the_records_hold():
    assert {one.value for one in ChainClass} == {
        "public", "declared", "private_trusted", "private_untrusted", "broken",
    }  # fmt: skip
    assert {one.value for one in ChainRoot} == {
        "mozilla", "former", "declared", "host", "other", "leaf", "hidden", "none",
    }  # fmt: skip


def test_what_is_known_is_not_undecided():
    known = {ChainRoot.MOZILLA, ChainRoot.FORMER, ChainRoot.DECLARED, ChainRoot.HOST}
    assert known | UNDECIDED_ROOTS == set(ChainRoot)
    assert not known & UNDECIDED_ROOTS
