"""`stresser citrix`: the vendor's allowlist becomes a scenario, checked by our own decoder."""

import os
import re
import sys
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Annotated

import typer
from msgspec import structs

from stresser.analysis.words.endings import counted
from stresser.citrix.allowlist import Allowlist, Form
from stresser.citrix.allowlist_address import allowlist_addresses
from stresser.citrix.allowlist_entry import check_customer
from stresser.citrix.allowlist_file import LARGEST_FILE, read_allowlist
from stresser.citrix.allowlist_since import compare_lists
from stresser.citrix.citrix_plan import CitrixPlan, in_regions, make_plan, wanted_regions
from stresser.citrix.connector_proxy import proxy_sentences
from stresser.citrix.known_names import KnownNames, Region, decode_names
from stresser.citrix.scenario_text import CitrixWishes, scenario_text
from stresser.cli.streams import tell_stderr
from stresser.model.errors import StresserError
from stresser.model.units import escaped, shown
from stresser.record.atomic_write import why_not, write_new
from stresser.scenario.decode import decode_scenario
from stresser.scenario.field_rules import NAME_PATTERN
from stresser.witness.proxy_settings import windows_proxies

_STDIN = "-"
_FEW = 10


_File = Annotated[
    str | None, typer.Argument(metavar="FILE", help="The vendor's allowlist.json, or - for stdin.")
]
_Customer = Annotated[
    str, typer.Option(metavar="ID", help="Takes the place of <CUSTOMER_ID> in the list.")
]
_Regions = Annotated[
    list[str] | None,
    typer.Option(
        metavar="us|eu|ap-s|jp|all",
        help="Leave out names that are plainly of other regions; may be repeated.",
    ),
]
_Since = Annotated[
    str | None,
    typer.Option(
        metavar="OLD",
        help="Print what is new since this older list; a scenario is made with --out alone.",
    ),
]
_Address = Annotated[
    bool, typer.Option("--address", help="Print the address to fetch FILE from; fetch nothing.")
]
_Sessions = Annotated[
    int, typer.Option(help="Sessions for each endpoint and egress.", min=1, max=20)
]
_Egresses = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME=INTERFACE", help="An egress, such as vpn=tun0; may be repeated."),
]
_Out = Annotated[Path | None, typer.Option(help="Write the scenario here, not to standard output.")]
_Expand = Annotated[bool, typer.Option("--expand", help="Also dial the names known for wildcards.")]
_Force = Annotated[bool, typer.Option("--force", help="Let --out replace a file that exists.")]


def citrix(
    file: _File = None,
    *,
    customer: _Customer,
    region: _Regions = None,
    since: _Since = None,
    address: _Address = False,
    sessions: _Sessions = 2,
    egress: _Egresses = None,
    out: _Out = None,
    expand: _Expand = False,
    force: _Force = False,
) -> None:
    """Make a scenario of Citrix Cloud from the vendor's allowlist.

    Reads version 1, and version 2 as format=json and format=zscaler. Fetches nothing itself.

    Raises:
        StresserError: one line for each mistake in the options or in the file.
    """
    regions = _checked(customer, region or [])
    addresses = allowlist_addresses(customer, regions)
    if address:
        _print_addresses(addresses, file)
        return
    if file is None:
        raise StresserError(
            f"FILE is missing: fetch the vendor's list, {_fetching(addresses[0])}, and name it"
        )
    egresses = _egresses(egress or [])
    _check_out(out, [file, since or _STDIN], force=force)
    name = _name_of(file)
    wishes = CitrixWishes(sessions=sessions, egresses=egresses, source=name, since=since or "")
    allowlist = read_allowlist(_read(file), name, customer)
    if since is not None:
        older = read_allowlist(_read(since), _name_of(since), customer)
        wishes = structs.replace(wishes, new=_compare(older, allowlist, wishes, regions))
    if since is None or out is not None:
        known = known_names()
        plan = make_plan(allowlist, known, customer, regions=regions, expand=expand, filename=name)
        _make_scenario(plan, known, wishes, out, force=force)


def _checked(customer: str, region: list[str]) -> list[Region]:
    try:
        check_customer(customer)
    except ValueError as error:
        raise StresserError(f"--customer: {error}") from None
    return [_region(text) for text in region]


def _name_of(file: str) -> str:
    return "standard input" if file == _STDIN else file


def _compare(
    older: Allowlist, newer: Allowlist, wishes: CitrixWishes, regions: list[Region]
) -> dict[str, str]:
    """Print what differs; which ports are new, by host."""
    known, wanted = known_names(), wanted_regions(regions)
    changes = compare_lists(
        older, newer, lambda listed: in_regions(listed, wanted, known) is not False
    )
    lines = [
        (
            f"{escaped(wishes.since)} ({older.form}) and {escaped(wishes.source)} ({newer.form}), "
            f"regions: {', '.join(wanted) or 'all'}"
        ),
        f"New, to be let through: {len(changes.new) or 'nothing'}",
        *(f"  {one.written}" for one in changes.new),
        f"Gone: {len(changes.gone) or 'nothing'}",
        *(f"  {one.written}" for one in changes.gone),
    ]
    _write("".join(f"{line}\n" for line in lines).encode(), None)
    for name, found in ((wishes.since, older), (wishes.source, newer)):
        if found.not_understood:
            number = counted(found.not_understood_count, "place")
            tell_stderr(f"{escaped(name)}: {number} not understood and not compared:")
            tell_stderr(*(f"  {line}" for line in found.not_understood[:_FEW]))
    return changes.new_ports


def _make_scenario(
    plan: CitrixPlan, known: KnownNames, wishes: CitrixWishes, out: Path | None, *, force: bool
) -> None:
    hosts = [endpoint.name.host for endpoint in plan.endpoints]
    settings = proxy_sentences(hosts, os.environ, windows_proxies())
    wishes = structs.replace(wishes, host_settings=settings)
    text = scenario_text(plan, known, wishes)
    _check(text)
    _write(text.encode("ascii"), out, force=force)
    tell_stderr(*_told(plan, wishes, out))


def _print_addresses(addresses: list[str], file: str | None) -> None:
    if file is not None:
        raise StresserError(f"--address stands alone: leave {shown(file)} out, or --address")
    _write("".join(f"{address}\n" for address in addresses).encode("ascii"), None)
    tell_stderr(
        f"Fetch it, {_fetching(addresses[0])}: stresser fetches nothing itself.",
        "With format=zscaler in it, the same list comes in that form, which is read as well.",
    )


def _fetching(address: str) -> str:
    return f"such as by curl -fo allowlist.json '{address}'"


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


def _check_out(out: Path | None, files: list[str], *, force: bool) -> None:
    """Before the work: a file that must not be replaced is no surprise at the end of it."""
    if out is None:
        return
    try:
        exists = out.exists()
        is_source = exists and any(out.samefile(file) for file in files if file != _STDIN)
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
            "--address in its place prints where the vendor's allowlist is"
        ) from None


def _check(text: str) -> None:
    """What is handed out is a scenario: a mistake in it is ours, not the user's."""
    try:
        decode_scenario(text.encode(), "the scenario made from the allowlist")
    except StresserError as error:
        raise RuntimeError(str(error)) from error


def _write(data: bytes, out: Path | None, *, force: bool = False) -> None:
    if out is None:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    try:
        write_new(out, data, force=force)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        why = why_not(error)
        raise StresserError(f"--out: {shown(str(out))} cannot be written: {why}") from None


def _told(plan: CitrixPlan, wishes: CitrixWishes, out: Path | None) -> list[str]:
    found = plan.allowlist
    sections = counted(found.sections, "section")
    endpoints = counted(len(plan.endpoints), "endpoint")
    channels = f"{plan.channels} of them persistent channels"
    wildcards = counted(len(found.wildcards), "wildcard")
    networks = counted(len(found.networks), "network")
    where = "your file" if out is None else escaped(str(out))
    return [
        f"{escaped(wishes.source)}: {found.form}, {sections}: {endpoints}, {channels}",
        f"  not dialled: {wildcards}, {networks}, {len(found.inbound)} inbound",
        f"  {counted(found.duplicates, 'duplicate')}, {counted(found.blanks, 'blank')}",
        *_told_of_choices(plan),
        *_told_of_the_rest(plan),
        *(f"  proxies: {sentence}" for sentence in wishes.host_settings),
        f"Next: look through {where}, then `stresser check` it.",
    ]


def _told_of_choices(plan: CitrixPlan) -> Iterator[str]:
    if plan.expanded:
        yield f"  --expand: {counted(plan.expanded, 'endpoint')} in place of wildcards"
    if plan.other_ports:
        names = counted(len(plan.other_ports), "name")
        yield f"  not dialled: {names} on other ports than TCP 443: {_few(plan.other_ports)}"
    if plan.regions:
        left_out = counted(len(plan.other_region), "name")
        yield (
            f"  regions {', '.join(plan.regions)}: {left_out} left out; "
            f"{plan.regionless} kept whose region is not certain"
        )


def _told_of_the_rest(plan: CitrixPlan) -> Iterator[str]:
    found = plan.allowlist
    if found.form is Form.ZSCALER and not found.inbound:
        yield "  no direction is said in this form: all of it is taken as outbound"
    if found.dates:
        yield f"  dates of the list: {_few(found.dates)}"
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
