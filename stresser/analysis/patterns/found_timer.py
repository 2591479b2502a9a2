"""A timer that was found: what it counts, where it lies, how coarsely, what it explains. Pure."""

from msgspec import Struct

from stresser.analysis.patterns.scopes import Extent, Variable, bracket_of
from stresser.analysis.patterns.session_lives import Drop
from stresser.statistics.brackets import Bracket
from stresser.statistics.concentration import tolerance


class FoundTimer(Struct, kw_only=True, eq=False):
    """A timer, and the drops that it explains."""

    scope: Extent
    variables: list[Variable]
    """The likeliest first; more than one where the drops do not tell them apart."""
    brackets: dict[Variable, Bracket]
    """Where the timer lies, for each of `variables`: above `low`, at most at `high`; with `low` 0
    nothing shows how short it is."""
    tick_ns: int | None
    """How far apart its drops come, as of a box that looks only so often; None: at one value."""
    drops: frozenset[int]
    """Numbers of the drops it explains."""
    witnesses: int
    """Of those, how many count: of drops that share a moment, one."""
    survivors: int
    """Sessions (of silence: sessions or silences) that lived through it all the same."""
    refuted: dict[Variable, int]
    """What would fit the drops as well, but for so many sessions of the same endpoints and
    egresses that are proved to have lived through it."""
    chance: float
    """That a run without any timer shows one like it."""

    @property
    def variable(self) -> Variable:
        """The likeliest."""
        return self.variables[0]

    @property
    def bracket(self) -> Bracket:
        """Of the likeliest variable."""
        return self.brackets[self.variable]

    @property
    def is_upper_bound(self) -> bool:
        """Whether all that shows is that it is no longer than the upper end of its bracket."""
        return self.bracket.low == 0

    def explains(self, drop: Drop) -> bool:
        """Whether a value that it could have ended is in the drop's bracket, in its scope."""
        if drop.cohort.pair not in self.scope.pairs:
            return False
        if self.variable is Variable.BYTES:
            return False  # known of the drops that were searched, of no others
        own = bracket_of(drop, self.variable, {})
        return own is not None and own.meets(self.bracket, tolerance(self.bracket.high))
