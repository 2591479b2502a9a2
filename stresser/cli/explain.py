"""`stresser explain`: the rules by which an ending gets its initiator, as they are applied."""

from typing import Annotated

import typer

from stresser.model.errors import StresserError


def explain(
    rule: Annotated[
        str | None, typer.Argument(help="One rule's name, as `show --session` quotes it.")
    ] = None,
) -> None:
    """Print the table from evidence to initiator and grade; the first rule that holds decides.

    Raises:
        StresserError: there is no such rule.
    """
    from stresser.classify.initiator_rules import BY_NAME, RULES  # noqa: PLC0415 - quick start-up
    from stresser.report.console import stdout_console, until_reader_leaves  # noqa: PLC0415 - same
    from stresser.report.rules_table import print_rules  # noqa: PLC0415 - same

    if rule is not None and rule not in BY_NAME:
        from stresser.scenario.mistakes import did_you_mean  # noqa: PLC0415 - same

        near = did_you_mean(rule, list(BY_NAME)) or "; `stresser explain` lists them all"
        raise StresserError(f"{rule}: there is no such rule{near}")
    console = stdout_console()
    with until_reader_leaves(console):
        print_rules(RULES if rule is None else (BY_NAME[rule],), console)
