"""A text with gaps: what fills them, what shows, and what is no gap."""

import json

import pytest

from stresser.scenario.secrets import Secret
from stresser.scenario.wording import Blank, Wording


def with_env(text, **environment):
    return Wording(text).with_secrets(lambda name: Secret(name, environment[name]))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ""),
        ("plain $ {env:A} $5", "plain $ {env:A} $5"),
        ("env:A", "one"),
        ("${env:A}", "one"),
        ("<${env:A}|${env:B}>", "<one|two>"),
        ("$${env:A}", "${env:A}"),
        ("${taken}", "later"),
    ],
)
def test_what_is_said(text, said):
    assert with_env(text, A="one", B="two").said({"taken": "later"}) == said


@pytest.mark.parametrize("text", ["${}", "${env:}", "${a b}", "${open", "${env:A", "${9}"])
def test_a_gap_without_a_name_is_a_mistake(text):
    with pytest.raises(ValueError, match="names nothing"):
        Wording(text)


def test_gaps_are_known_before_they_are_filled():
    assert Wording("a ${env:A} b ${B}").gaps == [
        Blank("A", from_environment=True),
        Blank("B", from_environment=False),
    ]
    assert with_env("a ${env:A} b ${B}", A="x").gaps == [Blank("B", from_environment=False)]


def test_in_json_what_is_put_in_is_escaped_and_the_rest_is_not():
    hostile = 'a"b\\c\n'
    said = with_env('{"t":"${env:A}"}', A=hostile).said(in_json=True)
    assert json.loads(said) == {"t": hostile}


def test_what_came_from_the_environment_does_not_show():
    wording = with_env("token ${env:A}", A="hunter2")
    assert "hunter2" not in repr(wording)
    assert wording.is_secret
    assert not Wording("token ${env:A}").is_secret


def test_what_is_put_in_is_no_gap_again():
    assert with_env("${env:A}", A="${env:B}").said() == "${env:B}"
