"""What stresser says to its user when it cannot go on, and with which exit code.

Imports nothing of stresser: every room may raise these.
"""

from enum import IntEnum


class ExitCode(IntEnum):
    """The process's answer to the shell (docs/DESIGN contracts, `stresser --help`)."""

    PASS = 0
    FAIL = 1
    BAD_INPUT = 2
    INCONCLUSIVE = 3
    BUG = 4
    FORCED = 130


class StresserError(Exception):
    """Something the user can correct: one clear line, no traceback.

    `lines` holds one message for each mistake; `str()` joins them.
    """

    exit_code = ExitCode.BAD_INPUT

    def __init__(self, *lines: str) -> None:
        super().__init__(*lines)
        self.lines = lines

    def __str__(self) -> str:
        return "\n".join(self.lines)


class ScenarioError(StresserError):
    """The scenario file has mistakes: one line each, with file, key and correction."""


class PreflightError(StresserError):
    """This machine cannot hold what the scenario asks for: the figure and the remedy."""


class RunFolderError(StresserError):
    """A run folder cannot be read or made."""


class ReflectorError(StresserError):
    """The reflector cannot serve as it was asked to."""


class LabError(StresserError):
    """The lab process did not start or went away."""

    exit_code = ExitCode.INCONCLUSIVE
