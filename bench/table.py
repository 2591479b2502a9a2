"""Owns the benchmark's table on standard output. Pure: rows in, text out."""

from collections.abc import Iterable, Sequence

from bench.ratios import FLAT_GOAL, Quantity, Row, flatness


def render(
    rows: Sequence[Row],
    notes: Sequence[str],
    *,
    names: tuple[str, str] = ("floor", "stresser"),
) -> str:
    """The whole answer: a block a quantity, a line a number of sessions, flatness, notes."""
    quantities = dict.fromkeys(row.quantity for row in rows)
    headings = ("sessions", *names, "ratio", "of the pairs", "goal", "")
    blocks = [_block(q, [row for row in rows if row.quantity == q], headings) for q in quantities]
    return "\n\n".join(
        [*blocks, *(["\n".join(f"note: {note}" for note in notes)] if notes else [])]
    )


def _block(quantity: Quantity, rows: Sequence[Row], headings: tuple[str, ...]) -> str:
    lines = [quantity.title, _line(headings), *(_line(_cells(row)) for row in rows)]
    if quantity.flat and len(rows) > 1:
        lines.append(_line(_flat_cells(rows)))
    return "\n".join(lines)


def _cells(row: Row) -> tuple[str, ...]:
    goal = "" if row.quantity.goal is None else f"<= {row.quantity.goal:g}"
    return (
        f"{row.sessions:,}",
        _figure(row.floor),
        _figure(row.stresser),
        f"{row.ratio:.2f} x",
        f"{row.lowest:.2f}-{row.highest:.2f} ({row.pairs})",
        goal,
        {None: "", True: "met", False: "missed"}[row.met],
    )


def _flat_cells(rows: Sequence[Row]) -> tuple[str, ...]:
    floor, stresser = flatness(rows)
    met = "met" if stresser <= FLAT_GOAL else "missed"
    return ("max/min", f"{floor:.2f} x", f"{stresser:.2f} x", "", "", f"<= {FLAT_GOAL:g} x", met)


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"  # noqa: PLR2004 - three digits


def _line(cells: Iterable[str]) -> str:
    widths = (9, 10, 10, 9, 17, 9, 8)
    return " ".join(f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True)).rstrip()
