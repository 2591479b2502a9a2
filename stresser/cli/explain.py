"""`stresser explain`: the rules by which an ending gets its initiator, as they are applied."""

from typing import Annotated

import typer

from stresser.classify.initiator_rules import BY_NAME, RULES
from stresser.model.errors import StresserError
from stresser.report.console import stdout_console, until_reader_leaves
from stresser.report.rules_table import print_rules
from stresser.scenario.mistakes import did_you_mean


def explain(
    rule: Annotated[
        str | None, typer.Argument(help="One rule's name, as `show --session` quotes it.")
    ] = None,
) -> None:
    """Print the rules that name an ending's initiator.

    The first rule that holds decides.

    Raises:
        StresserError: there is no such rule.
    """
    if rule is not None and rule not in BY_NAME:
        near = did_you_mean(rule, list(BY_NAME)) or "; `stresser explain` lists them all"
        raise StresserError(f"{rule}: there is no such rule{near}")
    console = stdout_console()
    with until_reader_leaves(console):
        print_rules(RULES if rule is None else (BY_NAME[rule],), console)
