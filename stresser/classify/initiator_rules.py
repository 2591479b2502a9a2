"""Who ended it: the table from evidence to initiator and grade. Pure; the order is the precedence.

The first rule that holds names the initiator. Rules further down that also hold and name another
one contradict it: they stay visible, and the grade falls by a step (`judge.py`). A rule that
says `unknown` is a statement too: it says what was looked at, and that it does not decide.
`stresser explain` prints this table; `stresser show --session` quotes it for each ending.
"""

from stresser.classify.announced_rules import ANNOUNCED
from stresser.classify.rule import Rule
from stresser.classify.silent_rules import SILENT
from stresser.model.ending import Grade, Initiator, Kind

RULES: tuple[Rule, ...] = (
    Rule(
        "planned",
        frozenset({Kind.PLANNED}),
        lambda _: True,
        Initiator.PLAN,
        Grade.ERRNO,
        "The plan of the run ended it.",
        is_final=True,
    ),
    Rule(
        "tool-limit",
        frozenset({Kind.TOOL}),
        lambda _: True,
        Initiator.TOOL,
        Grade.ERRNO,
        "stresser met a limit of its own: open files, local ports, memory, or a bug.",
        is_final=True,
    ),
    Rule(
        "host-slept",
        frozenset({Kind.HOST_SLEPT}),
        lambda _: True,
        Initiator.HOST,
        Grade.ERRNO,
        "This host was suspended after the last proof of life: it could not keep the session "
        "alive.",
        is_final=True,
    ),
    Rule(
        "host-unfit",
        None,
        lambda case: any(one.who is Initiator.HOST for one in case.seen.unfit),
        Initiator.HOST,
        Grade.ERRNO,
        "When it ended, this host did not let stresser run for a second or more (the host "
        "slept, stopped the process or gave it no CPU). That absence may have ended it.",
        is_final=True,
    ),
    Rule(
        "tool-unfit",
        None,
        lambda case: any(one.who is Initiator.TOOL for one in case.seen.unfit),
        Initiator.TOOL,
        Grade.ERRNO,
        "When it ended, stresser itself stood still for a second or more. That absence may have "
        "ended it.",
        is_final=True,
    ),
    *ANNOUNCED,
    *SILENT,
    Rule(
        "nothing-decides",
        None,
        lambda _: True,
        Initiator.UNKNOWN,
        Grade.ERRNO,
        "Nothing that was witnessed says who ended it.",
    ),
)
BY_NAME = {rule.name: rule for rule in RULES}
