"""Verdicts and what the shell is told of them."""

import pytest

from stresser.model.errors import ExitCode
from stresser.model.verdict import Verdict


@pytest.mark.parametrize(
    ("verdict", "code"),
    [
        (Verdict.NONE, ExitCode.PASS),
        (Verdict.PASS, ExitCode.PASS),
        (Verdict.FAIL, ExitCode.FAIL),
        (Verdict.INCONCLUSIVE, ExitCode.INCONCLUSIVE),
    ],
)
def test_each_verdict_has_its_exit_code(verdict, code):
    assert verdict.exit_code == code


def test_verdicts_are_listed_worst_last():
    assert list(Verdict) == ["none", "pass", "inconclusive", "fail"]
