"""Owns the confusion matrix: a row for each truth, a column for each thing that was said."""

import string
from collections.abc import Sequence
from typing import Any

from tests.netlab.judge import ALIVE

_WIDTH = 5


def lines(rows: Sequence[dict[str, Any]]) -> list[str]:
    """The matrix as text; counts are sessions, `!` marks rows that are not all right."""
    columns = [*sorted({said for row in rows for said in row["said"]} - {ALIVE}), ALIVE]
    letters = _letters(len(columns))
    text = ["what was said (kind/initiator):"]
    text += [f"  {letter:>2} {column}" for letter, column in zip(letters, columns, strict=True)]
    widest = max(len(_what(row)) for row in rows)
    text += ["", " " * (widest + 2) + "".join(f"{letter:>{_WIDTH}}" for letter in letters)]
    for row in sorted(rows, key=lambda row: (row["scenario"], row["egress"] != "suspect")):
        counts = "".join(f"{row['said'].get(one) or '.':>{_WIDTH}}" for one in columns)
        mark = " " if row["right"] == row["opened"] else "!"
        grades = " ".join(sorted(row["grades"]))
        text.append(f"{mark} {_what(row):<{widest}}{counts}  {row['expected']}  {grades}")
    sessions, right, timid = (sum(row[one] for row in rows) for one in ("opened", "right", "timid"))
    false = sessions - right - timid
    counts = f"{sessions} sessions: {right} right, {timid} timid, {false} false"
    return [*text, "", f"{counts}; {len(rows)} truths"]


def lines_of_runs(rows: Sequence[dict[str, Any]]) -> list[str]:
    """What each run as a whole was said to show; counts are drops and failures."""
    text = ["the run as a whole (mechanism / where / who / whom):"]
    for row in sorted(rows, key=lambda row: row["scenario"]):
        mark = " " if row["right"] == row["of"] else "!"
        text.append(f"{mark} {row['scenario']}: {row['truth']}")
        text.append(f"      truth  {row['expected']}")
        text += [f"    {count:>4}   {said}" for said, count in row["said"].items()]
    sums = {one: sum(row[one] for row in rows) for one in ("of", "right", "timid", "false")}
    counts = "{of} drops and failures: {right} right, {timid} timid, {false} false".format(**sums)
    wrong = sum(bool(row["false"]) for row in rows)
    return [*text, "", f"{counts}; {len(rows)} truths, {wrong} with a false answer"]


def _what(row: dict[str, Any]) -> str:
    return f"{row['scenario']}: {row['truth']} ({row['egress']} {row['activity']})".replace(
        " )", ")"
    )


def _letters(count: int) -> list[str]:
    single = string.ascii_lowercase
    return [
        single[i] if i < len(single) else f"{single[i // 26 - 1]}{single[i % 26]}"
        for i in range(count)
    ]
