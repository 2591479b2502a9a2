"""Documented default timeouts of middleboxes, and which of them a timer is consistent with.

`data/known_timeouts.csv` holds them with their sources; only what its maker or a named document
states is in it. `kills`: how it shows, where that is known: `reset` at expiry, `answer` (a reset
to the next packet), `silent`, `close` (FIN, alert or close frame). A match names no one: most
of these values can be configured, and many boxes share one.
"""

import csv
from functools import cache
from importlib.resources import files

from msgspec import Struct

from stresser.analysis.patterns.scopes import Variable
from stresser.model.ending import BRACKETED, Kind
from stresser.model.units import NS_PER_S
from stresser.statistics.brackets import Bracket

MOST_MATCHES = 4
TIGHT = 0.2
"""A bracket wider than this share of its upper end holds so many defaults that none means much."""
_RESET, _ANSWER, _SILENT = "reset", "answer", "silent"


class KnownTimeout(Struct, frozen=True, kw_only=True):
    """One documented default."""

    vendor: str
    product: str
    counts: Variable
    seconds: int
    kills: frozenset[str]
    """Empty: not documented."""
    configurable: bool
    source: str

    @property
    def name(self) -> str:
        """`Azure Load Balancer`."""
        return f"{self.vendor} {self.product}"


@cache
def known_timeouts() -> tuple[KnownTimeout, ...]:
    """All of them."""
    text = (
        files("stresser.analysis.patterns").joinpath("data/known_timeouts.csv").read_text("utf-8")
    )
    return tuple(
        KnownTimeout(
            vendor=row["vendor"],
            product=row["product"],
            counts=Variable(row["counts"]),
            seconds=int(row["seconds"]),
            kills=frozenset(filter(None, row["kills"].split("|"))),
            configurable=row["configurable"] == "yes",
            source=row["source"],
        )
        for row in csv.DictReader(text.splitlines())
    )


def consistent_with(
    variables: list[Variable], bracket: Bracket, shown: frozenset[str]
) -> list[KnownTimeout]:
    """Documented defaults that lie in a bracket in nanoseconds, if it is tight enough to mean any.

    `shown`: how the endings showed, in the words of `kills`. A default whose documented way is
    another one is left out.
    """
    if bracket.high - bracket.low > TIGHT * bracket.high:
        return []
    return [
        known
        for known in known_timeouts()
        if known.counts in variables
        and bracket.low <= known.seconds * NS_PER_S <= bracket.high
        and (not known.kills or not shown or _may_show(known.kills) & shown)
    ]


def how_it_showed(kind: Kind, *, is_answer: bool) -> str:
    """How a drop showed, in the words of `kills`."""
    if kind in BRACKETED:
        return _SILENT
    if kind is Kind.TCP_RESET:
        return _ANSWER if is_answer else _RESET
    return "close"


def _may_show(kills: frozenset[str]) -> frozenset[str]:
    """A box that drops silently may stand before a host that answers for a forgotten flow."""
    return kills | {_ANSWER} if _SILENT in kills else kills
