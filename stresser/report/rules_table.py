"""The tables of rules, mechanisms and remedies on a terminal or in a file."""

from collections.abc import Iterable

from rich.console import Console, Group
from rich.padding import Padding
from rich.text import Text

from stresser.analysis.diagnosis.mechanism_table import MechanismRow
from stresser.analysis.words.remedy_row import RemedyRow
from stresser.analysis.words.remedy_table import IN_GENERAL, asked_words, seen_words
from stresser.classify.reflector_rules import ReflectorRule
from stresser.classify.rule import Rule

_HEAD = (
    "Who ended it? The first rule that holds names the initiator. A rule further down that"
    " holds too and names another one contradicts it: `show` prints that rule, and the grade falls"
    " by a step. The grade says what supports the initiator, weakest first: errno, tcp_info,"
    " packet, comparison, reflector."
)

_MECHANISMS_HEAD = (
    "\nWhat explains a run? Mechanisms are tried in this order, each on what is left: a drop or a"
    " failure belongs to one diagnosis at most. What lived beside the drops shows where it happens."
    " A diagnosis says who did it only where that or the sessions' own evidence allows it."
)

_REMEDIES_HEAD = (
    "\nWhat to ask whom about an attempt that failed? By what was seen of it, in `check` and `run`"
    " alike. In a run, what lived beside it may name somebody else to ask."
)


def print_rules(rules: Iterable[Rule | ReflectorRule], console: Console) -> None:
    """Print rules in their order."""
    console.print(Text(_HEAD))
    for rule in rules:
        console.print(_row(rule), highlight=False, markup=False)


def print_mechanisms(rows: Iterable[MechanismRow], console: Console) -> None:
    """Print mechanisms in their order."""
    console.print(Text(_MECHANISMS_HEAD))
    for row in rows:
        said = Text(f"proposed: {row.proposes}\nrefuted: {row.refutes}")
        head = Text(f"\n{row.mechanism}", style="bold")
        console.print(Group(head, Padding(said, (0, 0, 0, 4))), highlight=False, markup=False)


def print_remedies(rows: Iterable[RemedyRow], console: Console) -> None:
    """Print what to ask whom, in the rows' order."""
    console.print(Text(_REMEDIES_HEAD))
    for row in rows:
        said = Text(f"seen: {seen_words(row, IN_GENERAL)}\n{asked_words(row, IN_GENERAL)}")
        if row.unproved:
            said.append(f"\nnot proved by it: {row.unproved}")
        head = Text(f"\n{row.obstacle}", style="bold")
        console.print(Group(head, Padding(said, (0, 0, 0, 4))), highlight=False, markup=False)


def _row(rule: Rule | ReflectorRule) -> Group:
    head = Text("\n").append(rule.name, style="bold")
    head.append(f"  initiator {rule.initiator}, grade {rule.grade}")
    if rule.is_final:
        head.append("; no later rule is asked")
    kinds = "endings of every kind" if rule.kinds is None else ", ".join(sorted(rule.kinds))
    said = Text(f"for {kinds}\n{rule.says}")
    return Group(head, Padding(said, (0, 0, 0, 4)))
