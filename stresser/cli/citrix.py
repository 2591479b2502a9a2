"""`stresser citrix`: the vendor's allowlist becomes a scenario, checked by our own decoder."""

import re
import sys
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Annotated

import typer

from stresser.analysis.words.endings import counted
from stresser.citrix.allowlist_entry import check_customer
from stresser.citrix.allowlist_file import LARGEST_FILE, read_allowlist
from stresser.citrix.citrix_plan import CitrixPlan, make_plan
from stresser.citrix.known_names import KnownNames, Region, decode_names
from stresser.citrix.scenario_text import CitrixWishes, scenario_text
from stresser.cli.streams import tell_stderr
from stresser.model.errors import StresserError
from stresser.model.units import escaped, shown
from stresser.record.atomic_write import why_not, write_new
from stresser.scenario.decode import decode_scenario
from stresser.scenario.field_rules import NAME_PATTERN

_STDIN = "-"
_FEW = 10


def citrix(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="The vendor's allowlist.json, or - for stdin.")
    ],
    customer: Annotated[
        str, typer.Option(metavar="ID", help="Takes the place of <CUSTOMER_ID> in the list.")
    ],
    region: Annotated[
        list[str] | None,
        typer.Option(
            metavar="us|eu|ap-s|jp|all",
            help="Leave out names that are plainly of other regions; may be repeated.",
        ),
    ] = None,
    sessions: Annotated[
        int, typer.Option(help="Sessions for each endpoint and egress.", min=1, max=20)
    ] = 2,
    egress: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=INTERFACE", help="An egress, such as vpn=tun0; may be repeated."
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write the scenario here, not to standard output.")
    ] = None,
    *,
    expand: Annotated[
        bool, typer.Option("--expand", help="Also dial the names known for wildcards.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Let --out replace a file that exists.")
    ] = False,
) -> None:
    """Make a scenario of Citrix Cloud from the vendor's allowlist.

    Raises:
        StresserError: one line for each mistake in the options or in the file.
    """
    try:
        check_customer(customer)
    except ValueError as error:
        raise StresserError(f"--customer: {error}") from None
    regions = [_region(text) for text in region or []]
    egresses = _egresses(egress or [])
    _check_out(out, file, force=force)
    name = "standard input" if file == _STDIN else file
    allowlist = read_allowlist(_read(file), name, customer)
    known = known_names()
    plan = make_plan(allowlist, known, customer, regions=regions, expand=expand, filename=name)
    text = scenario_text(
        plan, known, CitrixWishes(sessions=sessions, egresses=egresses, source=name)
    )
    _check(text)
    _write(text.encode("ascii"), out, force=force)
    tell_stderr(*_told(plan, name, out))


def known_names() -> KnownNames:
    """The table of known names that comes with stresser."""
    table = resources.files("stresser.citrix").joinpath("citrix_names.toml")
    return decode_names(table.read_text("utf-8"))


def _region(text: str) -> Region:

    try:
        return Region(text.lower())
    except ValueError:
        known = ", ".join(Region)
        raise StresserError(f"--region: {shown(text)} is no region; known are {known}") from None


def _egresses(texts: list[str]) -> list[tuple[str, str]]:
    """Name and interface of each; what the scenario's own rules refuse is refused here."""
    pairs: list[tuple[str, str]] = []
    for text in texts:
        name, _, interface = text.partition("=")
        if not re.fullmatch(NAME_PATTERN, name) or not re.fullmatch(r"[!-.0-~]{1,64}", interface):
            raise StresserError(f"--egress: {shown(text)} is not NAME=INTERFACE, such as vpn=tun0")
        if name in dict(pairs):
            raise StresserError(f"--egress: {shown(name)} is there twice")
        pairs.append((name, interface))
    return pairs


def _check_out(out: Path | None, file: str, *, force: bool) -> None:
    """Before the work: a file that must not be replaced is no surprise at the end of it."""
    if out is None:
        return
    try:
        exists = out.exists()
        is_source = exists and file != _STDIN and out.samefile(file)
    except (OSError, ValueError):  # names that no file system takes; FILE is refused in a moment
        return
    if is_source:
        raise StresserError(f"--out: {shown(str(out))} is the allowlist itself; name another file")
    if exists and not force:
        raise StresserError(f"--out: {shown(str(out))} exists; --force replaces it")


def _read(file: str) -> bytes:

    if file == _STDIN:
        return sys.stdin.buffer.read(LARGEST_FILE + 1)
    try:
        with Path(file).open("rb") as opened:
            return opened.read(LARGEST_FILE + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise StresserError(
            f"{shown(file)} cannot be read: {why_not(error)}; "
            "docs/citrix.md says where the vendor's allowlist is"
        ) from None


def _check(text: str) -> None:
    """What is handed out is a scenario: a mistake in it is ours, not the user's."""
    try:
        decode_scenario(text.encode(), "the scenario made from the allowlist")
    except StresserError as error:
        raise RuntimeError(str(error)) from error


def _write(data: bytes, out: Path | None, *, force: bool) -> None:
    if out is None:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    try:
        write_new(out, data, force=force)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        why = why_not(error)
        raise StresserError(f"--out: {shown(str(out))} cannot be written: {why}") from None


def _told(plan: CitrixPlan, name: str, out: Path | None) -> list[str]:
    found = plan.allowlist
    sections = counted(found.sections, "section")
    endpoints = counted(len(plan.endpoints), "endpoint")
    channels = f"{plan.channels} of them persistent channels"
    wildcards = counted(len(found.wildcards), "wildcard")
    networks = counted(len(found.networks), "network")
    where = "your file" if out is None else escaped(str(out))
    return [
        f"{escaped(name)}: version {found.version}, {sections}: {endpoints}, {channels}",
        f"  not dialled: {wildcards}, {networks}, {len(found.inbound)} inbound",
        f"  {counted(found.duplicates, 'duplicate')}, {counted(found.blanks, 'blank')}",
        *_told_of_choices(plan),
        *_told_of_the_rest(plan),
        f"Next: look through {where}, then `stresser check` it.",
    ]


def _told_of_choices(plan: CitrixPlan) -> Iterator[str]:
    if plan.expanded:
        yield f"  --expand: {counted(plan.expanded, 'endpoint')} in place of wildcards"
    if plan.regions:
        left_out = counted(len(plan.other_region), "name")
        yield (
            f"  regions {', '.join(plan.regions)}: {left_out} left out; "
            f"{plan.regionless} kept whose name does not say a region for certain"
        )


def _told_of_the_rest(plan: CitrixPlan) -> Iterator[str]:
    found = plan.allowlist
    if found.without_list:
        yield f"  sections without a list: {_few(found.without_list)}"
    if found.ignored:
        yield f"  other keys, not read: {_few(list(found.ignored))}"
    yield f"  not understood: {found.not_understood_count}"
    yield from (f"    {line}" for line in found.not_understood[:_FEW])
    if found.not_understood_count > _FEW:
        yield "    the others: in the comments at the end of the scenario"


def _few(texts: list[str]) -> str:
    more = f" and {len(texts) - _FEW} more" if len(texts) > _FEW else ""
    return ", ".join(texts[:_FEW]) + more
