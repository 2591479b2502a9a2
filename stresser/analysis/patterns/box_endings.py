"""How boxes end held sessions, as measured, and which of them a diagnosis is consistent with.

`data/box_endings.csv` holds what was measured, each row with its source. `when`: `idle` at the
expiry of an idle limit, `age` of one on age, `moment` at an event of the box's. `form`: the kind of
ending that the client sees. `proxied`: whether clients ask the box for its service, as a proxy. A
match where the box's default lies in the measured limit says something; by the form alone it is
weak, for each of these limits is configured and many boxes share a form. None of them names anyone.
"""

import csv
from functools import cache
from importlib.resources import files

from msgspec import Struct

from stresser.analysis.patterns.known_timeouts import TIGHT
from stresser.model.ending import Kind
from stresser.model.units import NS_PER_S
from stresser.statistics.brackets import Bracket

IDLE, AGE, MOMENT = "idle", "age", "moment"
_MOST_NAMED = 4


class BoxEnding(Struct, frozen=True, kw_only=True):
    """One measured way of one box."""

    box: str
    version: str
    when: str
    form: Kind
    proxied: bool
    seconds: int | None
    """The default of its limit; None: none, or it was not measured."""
    lag_s: float
    """So much later than its limit it was seen to act."""
    setting: str
    source: str


@cache
def box_endings() -> tuple[BoxEnding, ...]:
    """All of them."""
    text = files("stresser.analysis.patterns").joinpath("data/box_endings.csv").read_text("utf-8")
    return tuple(
        BoxEnding(
            box=row["box"],
            version=row["version"],
            when=row["when"],
            form=Kind(row["form"]),
            proxied=row["proxied"] == "yes",
            seconds=int(row["seconds"]) if row["seconds"] else None,
            lag_s=float(row["lag_s"]),
            setting=row["setting"],
            source=row["source"],
        )
        for row in csv.DictReader(text.splitlines())
    )


def like_boxes(when: str, kinds: set[Kind], *, proxied: bool, limit: Bracket | None) -> list[str]:
    """What endings of one kind are consistent with, the telling ones first; weak ones say so.

    `limit`: in nanoseconds, where the diagnosis has one.
    """
    fitting = [
        one
        for one in box_endings()
        if one.when == when and {one.form} == kinds and one.proxied is proxied
    ]
    telling = [one for one in fitting if limit is not None and _lies_in(one, limit)]
    if telling:
        return [f"{_name(one)} ({one.seconds:,} s by default, measured)" for one in telling]
    names = list(dict.fromkeys(map(_name, fitting)))
    more = ", ..." if len(names) > _MOST_NAMED else ""
    listed = ", ".join(names[:_MOST_NAMED])
    return [f"weak, by the form alone: {listed}{more}"] if names else []


def _name(one: BoxEnding) -> str:
    return f"{one.box} {one.version}, {one.setting}"


def _lies_in(one: BoxEnding, limit: Bracket) -> bool:
    if one.seconds is None or limit.high - limit.low > TIGHT * limit.high:
        return False
    default = one.seconds * NS_PER_S
    return limit.low - one.lag_s * NS_PER_S <= default <= limit.high
