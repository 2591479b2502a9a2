"""`stresser explain`: the rules for one ending, the mechanisms for a run, what to ask whom."""

from typing import Annotated

import typer

from stresser.analysis.diagnosis.mechanism_table import MECHANISM_ROWS
from stresser.analysis.words.remedy_table import BY_OBSTACLE, ROWS
from stresser.classify.initiator_rules import BY_NAME, RULES
from stresser.classify.reflector_rules import FAR_BY_NAME, REFLECTOR_RULES, ReflectorRule
from stresser.classify.rule import Rule
from stresser.model.errors import StresserError
from stresser.report.console import stdout_console, until_reader_leaves
from stresser.report.rules_table import print_mechanisms, print_remedies, print_rules
from stresser.scenario.mistakes import did_you_mean


def explain(
    rule: Annotated[
        str | None, typer.Argument(help="The name of one rule, mechanism or obstacle.")
    ] = None,
) -> None:
    """Print the rules and mechanisms by which stresser names causes.

    Rules name who ended one session, mechanisms explain what happened to a run, remedies say what
    to ask whom about an attempt that failed.

    Raises:
        StresserError: there is none of this name.
    """
    every: tuple[Rule | ReflectorRule, ...] = (*REFLECTOR_RULES, *RULES)
    rules = [one for one in every if rule in {None, one.name}]
    mechanisms = [row for row in MECHANISM_ROWS if rule in {None, row.mechanism}]
    remedies = [row for row in ROWS if rule in {None, row.obstacle}]
    if rule is not None and not rules and not mechanisms and not remedies:
        names = [*BY_NAME, *FAR_BY_NAME, *(row.mechanism for row in MECHANISM_ROWS), *BY_OBSTACLE]
        near = did_you_mean(rule, names) or "; `stresser explain` lists them all"
        raise StresserError(f"{rule}: there is no such rule{near}")
    console = stdout_console()
    with until_reader_leaves(console):
        if rules:
            print_rules(rules, console)
        if mechanisms:
            print_mechanisms(mechanisms, console)
        if remedies:
            print_remedies(remedies, console)
