"""What the shell is told."""

import pytest

from stresser.model.errors import (
    ExitCode,
    LabError,
    PreflightError,
    RunFolderError,
    ScenarioError,
    StresserError,
)


def test_lines_are_kept_apart_and_shown_together():
    error = ScenarioError("a: wrong", "b: wrong")
    assert error.lines == ("a: wrong", "b: wrong")
    assert str(error) == "a: wrong\nb: wrong"


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (StresserError, ExitCode.BAD_INPUT),
        (ScenarioError, ExitCode.BAD_INPUT),
        (PreflightError, ExitCode.BAD_INPUT),
        (RunFolderError, ExitCode.BAD_INPUT),
        (LabError, ExitCode.INCONCLUSIVE),
    ],
)
def test_each_error_has_its_exit_code(kind, code):
    assert kind("x").exit_code == code


def test_the_exit_codes_are_those_of_the_contract():
    assert [int(code) for code in ExitCode] == [0, 1, 2, 3, 4, 130]
