"""The answer to each threshold, and the run's verdict."""

from enum import StrEnum

from msgspec import Struct

from stresser.model.errors import ExitCode


class Verdict(StrEnum):
    """Worst last: a run's verdict is the worst of its thresholds', `none` where it has none."""

    NONE = "none"
    """The scenario has no thresholds: nothing was judged."""
    PASS = "pass"  # noqa: S105 - a verdict, not a password
    INCONCLUSIVE = "inconclusive"
    FAIL = "fail"

    @property
    def exit_code(self) -> ExitCode:
        """The exit code."""
        return {
            Verdict.NONE: ExitCode.PASS,
            Verdict.PASS: ExitCode.PASS,
            Verdict.INCONCLUSIVE: ExitCode.INCONCLUSIVE,
            Verdict.FAIL: ExitCode.FAIL,
        }[self]


class ThresholdResult(Struct, frozen=True, kw_only=True):
    """One rule of the scenario and what the run says to it."""

    rule: str
    """As written in the scenario: `tls.p99 < 800ms`."""
    verdict: Verdict
    value: float | None
    """The measured value, in ns for durations; None when there were no samples."""
    shown: str
    """The measured value in words, or why there is none."""
