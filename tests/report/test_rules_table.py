import io

from rich.console import Console

from stresser.classify.initiator_rules import RULES
from stresser.report.rules_table import print_rules


def test_every_rule_stands_with_its_initiator_grade_and_words():
    out = io.StringIO()
    print_rules(RULES, Console(file=out, width=80))
    text = " ".join(out.getvalue().split())
    for rule in RULES:
        assert f"{rule.name} initiator {rule.initiator}, grade {rule.grade}" in text
        assert " ".join(rule.says.split()) in text
    assert "[" not in text  # no markup of rich's, none of ours taken for it
