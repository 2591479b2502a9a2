"""Nothing secret is shown, written or pickled; everything else stays readable."""

import copy
import json
import pickle

import pytest

from stresser.model.errors import ScenarioError
from stresser.scenario.plan import Egress, Endpoint, Scenario
from stresser.scenario.secrets import (
    Secret,
    masked,
    masked_in,
    masked_url,
    resolve_headers,
    variable_of,
)

PLAN = Scenario(
    name="s",
    endpoints=[
        Endpoint(
            name="broker",
            url="wss://h/x?token=hunter2&page=3&sig=hunter2",
            headers={
                "Authorization": "env:BROKER_TOKEN",
                "X-Api-Key": "hunter2",
                "Cookie": "sid=hunter2",
                "X-My-Token": "hunter2",
                "Client-Secret": "hunter2",
                "Origin": "https://console.example.net",
            },
        )
    ],
)


def test_a_secret_hides_in_every_rendering():
    secret = Secret("BROKER_TOKEN", "hunter2")
    holder = {"headers": [secret]}
    for text in (str(secret), repr(secret), f"{secret}", f"{secret!s:>40}", repr(holder)):
        assert "hunter2" not in text
    assert "BROKER_TOKEN" in repr(secret)
    assert secret.reveal() == "hunter2"


def test_a_secret_is_not_written_anywhere():
    secret = Secret("V", "hunter2")
    with pytest.raises(TypeError):
        json.dumps(secret)
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    with pytest.raises(TypeError):
        copy.deepcopy(secret)


def test_secrets_compare_by_value():
    assert Secret("V", "a") == Secret("V", "a")
    assert Secret("V", "a") != Secret("V", "b")
    assert len({Secret("V", "a"), Secret("V", "a")}) == 1
    assert Secret("V", "a") != "a"


def test_the_masked_scenario_holds_no_secret_and_all_else():
    tree = masked(PLAN)
    assert "hunter2" not in json.dumps(tree)
    [endpoint] = tree["endpoints"]
    assert endpoint["url"] == "wss://h/x?token=(masked)&page=3&sig=(masked)"
    assert endpoint["headers"] == {
        "Authorization": "env:BROKER_TOKEN (masked)",
        "X-Api-Key": "(masked)",
        "Cookie": "(masked)",
        "X-My-Token": "(masked)",
        "Client-Secret": "(masked)",
        "Origin": "https://console.example.net",
    }
    assert tree["timeouts"]["tls"] == "10s"


@pytest.mark.parametrize(
    ("url", "masks"),
    [
        ("wss://h/x", 0),
        ("wss://h/x?a=1", 0),
        ("wss://h/x?access%5Ftoken=1&API_KEY=2", 2),
        ("wss://h/x?a=1;key=2", 1),
        ("wss://h/x?token=", 0),
        ("wss://h/x?x=token", 0),
    ],
)
def test_query_values_that_look_like_credentials_are_masked(url, masks):
    assert masked_url(url).count("(masked)") == masks


def test_headers_are_resolved_from_the_environment_given():
    resolved = resolve_headers(PLAN, {"BROKER_TOKEN": "Bearer abc"}, "s.toml")
    assert resolved["broker"]["Authorization"] == Secret("BROKER_TOKEN", "Bearer abc")
    assert resolved["broker"]["Origin"] == "https://console.example.net"


@pytest.mark.parametrize(
    ("environment", "problem"),
    [
        ({}, "BROKER_TOKEN is not set"),
        ({"BROKER_TOKEN": ""}, "empty"),
        ({"BROKER_TOKEN": "hunter2\r\nX: y"}, "line break"),
        ({"BROKER_TOKEN": "hunter2\n"}, "line break"),
    ],
)
def test_a_bad_variable_is_one_line_without_its_value(environment, problem):
    with pytest.raises(ScenarioError) as caught:
        resolve_headers(PLAN, environment, "s.toml")
    [line] = caught.value.lines
    assert line.startswith("s.toml: endpoints.broker.headers.Authorization: ")
    assert problem in line
    assert "hunter2" not in line


@pytest.mark.parametrize(
    "value", ["env:", "env:1X", "env:A-B", "Bearer env:TOKEN", "env:X (masked)"]
)
def test_a_value_that_only_looks_like_a_variable_is_a_mistake(value):
    with pytest.raises(ValueError, match=r"env|variable"):
        variable_of(value)


def test_a_plain_value_names_no_variable():
    assert variable_of("environment: prod") is None
    assert variable_of("env:BROKER_TOKEN") == "BROKER_TOKEN"


def test_the_credentials_of_a_proxy_are_masked():
    user, word = "env:USER_OF_P", "env:WORD_OF_P"
    egress = Egress(name="p", proxy="http://p:1", proxy_user=user, proxy_password=word)
    plan = Scenario(name="s", endpoints=PLAN.endpoints[:1], egresses=[egress])
    tree = masked(plan)
    written = {key: tree["egresses"][0][key] for key in ("proxy_user", "proxy_password")}
    assert list(written.values()) == [f"{user} (masked)", f"{word} (masked)"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (None, None),
        ("", ""),
        ("who is hunter2-and-more?", "who is (masked)?"),
        ("cut: hunter2-and", "cut: (masked)"),
        ("cut: hun", "cut: hun"),
        ("escaped: a\\x1bbcdef", "escaped: (masked)"),
        ('JSON: say \\"hi\\"!', "JSON: (masked)!"),
        ("short: abc", "short: abc"),
    ],
)
def test_what_a_peer_repeats_of_a_secret_is_masked(text, shown):
    secrets = [Secret("A", "hunter2-and-more"), Secret("B", "a\x1bbcdef"), Secret("C", "abc")]
    secrets.append(Secret("D", 'say "hi"'))
    assert masked_in(text, secrets) == shown
