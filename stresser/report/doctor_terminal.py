"""What `stresser doctor` found, for a terminal or as JSON."""

from collections.abc import Iterator

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from stresser.model.measured_limits import MeasuredLimits
from stresser.model.units import escaped, format_duration
from stresser.report.tables import plain
from stresser.run.machine import Examination
from stresser.run.scenario_demand import Distance

_LONGEST = 1000
_LEAST_SHARE = 0.001
_BUSY = 0.1
"""A share of time without a CPU from which on it shows in the errors."""
_MARKS = {True: ("yes", "bold green"), False: ("no", "bold yellow")}


def print_examination(found: Examination, console: Console) -> None:
    """All of it; commands stand on lines of their own, which are not folded."""
    for part in _tables(found):
        console.print(part)
    for line in _commands(found):
        console.print(line, soft_wrap=True)


def _tables(found: Examination) -> Iterator[RenderableType]:
    yield plain(f"stresser {found.stresser}, Python {found.python}, {found.system}", limit=_LONGEST)
    yield _title("Witnesses")
    table = _grid()
    for one in found.witnesses:
        mark, style = _MARKS[one.available]
        table.add_row(plain(one.name), Text(mark, style=style), _text(one.sees, one.why))
    yield table
    yield _title("Limits")
    table = _grid()
    for limit in found.limits:
        enough = "" if limit.sessions is None else f"enough for {limit.sessions:,} sessions"
        table.add_row(plain(limit.name), Text(""), _text(limit.finding, enough))
    yield table
    if found.measured is not None:
        yield from _measured(found.measured, found)
    yield _title("What decides when a lost connection is noticed")
    table = _grid()
    for timing in found.timings:
        table.add_row(plain(timing.name), Text(""), _text(timing.value, timing.means))
    yield table


def _measured(limits: MeasuredLimits, found: Examination) -> Iterator[RenderableType]:
    yield _title(
        f"Measured on {escaped(limits.measured_utc)[:19]}Z with {limits.sessions_held:,} sessions"
    )
    asked = {one.name: _asked(one, found.scenario or "") for one in found.distances}
    table = _grid()
    for name, finding in (
        (
            "sessions",
            f"{limits.sessions_per_gib:,} in each GiB, {limits.sessions:,} in what was free",
        ),
        ("handshakes a second", f"{limits.handshakes_per_second:,.0f} by one process"),
        ("pings a second", f"{limits.pings_per_second:,.0f} by one process"),
        ("timer", f"{_error(limits.timer_p50_ns, limits.timer_p99_ns)} late"),
        (
            "dating",
            f"a reset among many within {_error(limits.dating_p50_ns, limits.dating_p99_ns)}",
        ),
    ):
        table.add_row(plain(name), Text(""), _text(finding, asked.get(name, "")))
    yield table
    if limits.without_cpu >= _BUSY:
        yield plain(
            f"Others had the CPU for {limits.without_cpu:.0%} of that time: timer and dating are"
            " better where this machine is idle.",
            limit=_LONGEST,
        )


def _asked(one: Distance, scenario: str) -> str:
    share = f"{one.share:.1%}" if one.share >= _LEAST_SHARE else f"under {_LEAST_SHARE:.1%}"
    return f"{escaped(scenario, 40)} asks for {one.asked:,.6g}: {share} of that"


def _error(p50_ns: int, p99_ns: int) -> str:
    return f"{format_duration(p50_ns)} (p50), {format_duration(p99_ns)} (p99)"


def _commands(found: Examination) -> Iterator[Text]:
    rows = [(one.name, one.enable) for one in found.witnesses if one.enable]
    rows += [(limit.name, limit.enable) for limit in found.limits if limit.enable]
    if rows:
        yield Text(
            "\nTo raise these limits and witness more: one command of each group", style="bold"
        )
    for name, commands in rows:
        yield plain(name)
        yield from (Text("  ").append_text(plain(one, limit=_LONGEST)) for one in commands)


def _title(text: str) -> RenderableType:
    return Group(Text(""), Text(text, style="bold"))


def _grid() -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True, min_width=17)
    grid.add_column(no_wrap=True, width=3)
    grid.add_column(overflow="fold")
    return grid


def _text(first: str, second: str) -> Text:
    text = plain(first, limit=_LONGEST)
    if second:
        text.append("\n").append_text(plain(second, "dim", limit=_LONGEST))
    return text
