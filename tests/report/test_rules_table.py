import io
import re

from rich.console import Console

from stresser.analysis.diagnosis.mechanism_table import MECHANISM_ROWS
from stresser.analysis.words.remedy_table import IN_GENERAL, ROWS, asked_words, seen_words
from stresser.classify.initiator_rules import RULES
from stresser.report.rules_table import print_mechanisms, print_remedies, print_rules


def test_every_rule_stands_with_its_initiator_grade_and_words():
    out = io.StringIO()
    print_rules(RULES, Console(file=out, width=80))
    text = " ".join(out.getvalue().split())
    for rule in RULES:
        assert f"{rule.name} initiator {rule.initiator}, grade {rule.grade}" in text
        assert " ".join(rule.says.split()) in text
    assert "[" not in text  # no markup of rich's, none of ours taken for it


def test_every_mechanism_stands_with_what_proposes_and_what_refutes_it():
    out = io.StringIO()
    print_mechanisms(MECHANISM_ROWS, Console(file=out, width=80))
    text = " ".join(out.getvalue().split())
    for row in MECHANISM_ROWS:
        assert f"{row.mechanism} proposed: {row.proposes} refuted: {row.refutes}" in text


def test_every_obstacle_stands_with_what_to_ask_whom():
    out = io.StringIO()
    print_remedies(ROWS, Console(file=out, width=80))
    text = " ".join(out.getvalue().split())
    for row in ROWS:
        said = f"seen: {seen_words(row, IN_GENERAL)} {asked_words(row, IN_GENERAL)}"
        assert f"{row.obstacle} {said}" in text
    assert re.findall(r"\{[a-z_]+\}", text) == []
