"""The limits of a search on a terminal: a table, a sentence for each, what to do with them."""

from collections.abc import Iterator, Sequence

from rich.console import Console, RenderableType
from rich.text import Text

from stresser.analysis.summary.idle_limits import LimitFigures
from stresser.analysis.summary.limit_words import (
    heartbeat_ns,
    limits_in_words,
    wishes_in_words,
)
from stresser.model.units import format_duration
from stresser.report.tables import MISSING, add_figures, figure_table, plain

_HEAD = ("limit", "between", "ping", "keepalive", "survived")
_LONGEST_SENTENCE = 600
_COUNTS = {None: MISSING, True: "counts", False: "no"}


def print_limits(limits: Sequence[LimitFigures], console: Console) -> None:
    """One row and one sentence for each; then the heartbeat and the lines for the network team."""
    for part in _parts(limits):
        console.print(part, highlight=False, markup=False, emoji=False)


def _parts(limits: Sequence[LimitFigures]) -> Iterator[RenderableType]:
    table = figure_table("Limits", "", _HEAD)
    for one in limits:
        style = "red" if one.high is not None else ""
        add_figures(table, f"{one.endpoint} through {one.egress}", _figures(one), style)
    yield table
    yield Text("")
    for sentence in limits_in_words(limits):
        yield plain(sentence, limit=_LONGEST_SENTENCE)
    beats = [every for one in limits if (every := heartbeat_ns(one)) is not None]
    if beats:
        shortest = format_duration(min(beats)).replace(" ", "")
        yield Text("")
        yield plain(f'For a scenario: [activity] kind = "heartbeat", every = "{shortest}"')
    for line in wishes_in_words(limits):
        yield plain(line, limit=_LONGEST_SENTENCE)


def _figures(one: LimitFigures) -> list[str]:
    value = _number if one.unit == "bytes" else format_duration
    between = MISSING
    if one.low is not None and one.high is not None:
        between = f"{value(one.low)}-{value(one.high)}"
    return [
        one.kind,
        between,
        _COUNTS[one.refreshed_by.ping],
        _COUNTS[one.refreshed_by.tcp_keepalive],
        MISSING if one.survived is None else value(one.survived),
    ]


def _number(value: int) -> str:
    return f"{value:,}"
