import pytest

from stresser.classify.initiator_rules import RULES
from stresser.cli.explain import explain
from stresser.model.errors import ExitCode, StresserError


def test_all_rules_or_one(capsys):
    explain(None)
    everything = capsys.readouterr().out
    places = [everything.index(f"\n{rule.name}  ") for rule in RULES]
    assert places == sorted(places)
    explain("another-box")
    one = capsys.readouterr().out
    assert "another-box" in one
    assert "flow-dropped-alone" not in one


def test_one_mechanism_and_all_after_the_rules(capsys):
    explain("idle_timer")
    assert "another-box" not in capsys.readouterr().out
    explain(None)
    out = capsys.readouterr().out
    places = [out.index(f"\n{name}") for name in ("nothing-decides", "idle_timer", "no_pattern")]
    assert [*places, out.index("\nhello_dropped")] == sorted(
        [*places, out.index("\nhello_dropped")]
    )


def test_what_to_ask_about_one_obstacle(capsys):
    explain("proxy_login_not_spoken")
    out = " ".join(capsys.readouterr().out.split())
    assert "Ask the proxy team: let this host (by its address) through" in out
    assert "idle_timer" not in out


def test_a_rule_that_is_not_there_is_one_line_with_the_nearest():
    with pytest.raises(
        StresserError, match=r'anoher-box: there is no such rule.*"another-box"'
    ) as told:
        explain("anoher-box")
    assert told.value.exit_code is ExitCode.BAD_INPUT
