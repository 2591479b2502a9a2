"""`stresser explain`: the rules for one ending, and the mechanisms for a whole run."""

from typing import Annotated

import typer

from stresser.analysis.diagnosis.mechanism_table import MECHANISM_ROWS
from stresser.classify.initiator_rules import BY_NAME, RULES
from stresser.classify.reflector_rules import FAR_BY_NAME, REFLECTOR_RULES, ReflectorRule
from stresser.classify.rule import Rule
from stresser.model.errors import StresserError
from stresser.report.console import stdout_console, until_reader_leaves
from stresser.report.rules_table import print_mechanisms, print_rules
from stresser.scenario.mistakes import did_you_mean


def explain(
    rule: Annotated[
        str | None, typer.Argument(help="One rule's or mechanism's name, as `show` quotes it.")
    ] = None,
) -> None:
    """Print the rules and mechanisms by which stresser names causes.

    Rules name who ended one session, mechanisms explain what happened to a run.

    Raises:
        StresserError: there is no such rule or mechanism.
    """
    every: tuple[Rule | ReflectorRule, ...] = (*REFLECTOR_RULES, *RULES)
    rules = [one for one in every if rule in {None, one.name}]
    mechanisms = [row for row in MECHANISM_ROWS if rule in {None, row.mechanism}]
    if rule is not None and not rules and not mechanisms:
        names = [*BY_NAME, *FAR_BY_NAME, *(row.mechanism.value for row in MECHANISM_ROWS)]
        near = did_you_mean(rule, names) or "; `stresser explain` lists them all"
        raise StresserError(f"{rule}: there is no such rule{near}")
    console = stdout_console()
    with until_reader_leaves(console):
        if rules:
            print_rules(rules, console)
        if mechanisms:
            print_mechanisms(mechanisms, console)
