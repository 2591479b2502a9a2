"""`stresser compare`: two runs, several runs a side, or two egresses of one run."""

from pathlib import Path
from typing import Annotated

import typer

from stresser.analysis.compare.comparison import compare_sides as compared
from stresser.analysis.compare.run_facts import RunFacts, read_run_facts
from stresser.analysis.compare.sides import Side, make_side
from stresser.cli.completion import complete_run
from stresser.model.errors import RunFolderError
from stresser.model.units import shown
from stresser.record.folder import RESULTS
from stresser.record.reader import open_run, resolve_run
from stresser.report.compare_terminal import print_comparison
from stresser.report.console import json_text, stdout_console, until_reader_leaves

_MOST_RUNS = 100


def compare(
    baseline: Annotated[
        str, typer.Argument(help="A run folder, its name, or `last`.", autocompletion=complete_run)
    ],
    candidate: Annotated[
        str | None,
        typer.Argument(
            help="The run to judge; left out: the same run, through another egress.",
            autocompletion=complete_run,
        ),
    ] = None,
    *,
    egress: Annotated[
        tuple[str, str] | None,
        typer.Option(help="The egress of the baseline and that of the candidate."),
    ] = None,
    more_baseline: Annotated[
        list[str] | None,
        typer.Option("--baseline", metavar="RUN", help="One more run of the baseline; repeatable."),
    ] = None,
    more_candidate: Annotated[
        list[str] | None,
        typer.Option(
            "--candidate", metavar="RUN", help="One more run of the candidate; repeatable."
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the comparison as JSON.")] = False,
    results: Annotated[Path, typer.Option(help="Where runs are looked for.")] = RESULTS,
) -> None:
    """Say whether one run, or one egress, is worse than another.

    Exit code 0: no worse, 1: worse, 3: cannot tell.

    Raises:
        RunFolderError: a run is missing or unreadable, or the sides have nothing in common.
    """
    if candidate is None and egress is None and not more_candidate:
        raise RunFolderError(
            f"{shown(baseline)}: nothing to compare with; name a second run, or two egresses of"
            " this one: --egress direct vpn"
        )
    ours = [baseline, *(more_baseline or [])]
    theirs = [*([candidate] if candidate is not None else []), *(more_candidate or [])]
    if egress is not None and not theirs:
        theirs = ours

    sides = _sides(ours, theirs, egress, results, has_answer=not json)
    comparison = compared(*sides)
    console = stdout_console()
    with until_reader_leaves(console):
        if json:
            console.file.write(json_text(comparison) + "\n")
        else:
            print_comparison(comparison, console, sides[1].parts[0].facts.answer)
    raise typer.Exit(comparison.verdict.exit_code)


def _sides(
    ours: list[str],
    theirs: list[str],
    egress: tuple[str, str] | None,
    results: Path,
    *,
    has_answer: bool,
) -> tuple[Side, Side]:
    """Both sides; the candidate's own run with its answer: of several runs none speaks for all."""
    if len(ours) + len(theirs) > _MOST_RUNS:
        raise RunFolderError(f"{len(ours) + len(theirs)} runs are too many; at most {_MOST_RUNS}")
    paths = [resolve_run(name, results).resolve() for name in ours]
    other_paths = [resolve_run(name, results).resolve() for name in theirs]
    _check(paths, other_paths, egress)
    answering = other_paths[0] if has_answer and len(other_paths) == 1 else None
    read = {
        path: read_run_facts(open_run(path), has_answer=path == answering)
        for path in sorted({*paths, *other_paths})
    }
    runs, others = [read[path] for path in paths], [read[path] for path in other_paths]
    chosen = egress or (None, None)
    for name, side in zip(chosen, (runs, others), strict=True):
        if name is not None:
            _check_egress(name, side)
    is_one_run = paths == other_paths
    labels = [
        _label(facts, name, is_one_run=is_one_run)
        for facts, name in zip((runs, others), chosen, strict=True)
    ]
    return make_side(labels[0], runs, chosen[0]), make_side(labels[1], others, chosen[1])


def _check(paths: list[Path], others: list[Path], egress: tuple[str, str] | None) -> None:
    for side in (paths, others):
        twice = next((path for path in side if side.count(path) > 1), None)
        if twice is not None:
            raise RunFolderError(f"{shown(twice.name, 200)}: named twice on one side")
    both = set(paths) & set(others)
    if both and (egress is None or egress[0] == egress[1]):
        name = shown(min(both).name, 200)
        raise RunFolderError(
            f"{name}: is on both sides; name two egresses of it: --egress direct vpn"
        )


def _check_egress(name: str, runs: list[RunFacts]) -> None:
    known = sorted({cohort.egress for facts in runs for cohort in facts.tally.cohorts})
    if name not in known:
        names = ", ".join(shown(one) for one in known[:10]) or "none"
        raise RunFolderError(
            f"--egress {shown(name)}: {runs[0].name} has no such egress; it has {names}"
        )


def _label(runs: list[RunFacts], egress: str | None, *, is_one_run: bool) -> str:
    if is_one_run and egress is not None:
        return egress
    name = runs[0].name if len(runs) == 1 else f"{runs[0].name} and {len(runs) - 1} more"
    return name if egress is None else f"{egress} of {name}"
