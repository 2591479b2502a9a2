"""What may be said first: mistakes in one line each, gaps, and what the manifest shows."""

import pytest

from stresser.model.errors import ScenarioError
from stresser.scenario.decode import decode_scenario
from stresser.scenario.message_rules import gaps_of, json_to_say, resolve_gaps
from stresser.scenario.secrets import masked

HEAD = 'name = "s"\n[[endpoints]]\nname = "hub"\nurl = "wss://hub.test/"\n'


def scenario(messages, head=HEAD):
    return decode_scenario(f"{head}open = [{messages}]".encode(), "s.toml")


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        ('{ text = "a", binary = "00" }', "open[0].binary: the message has text already"),
        ('{ text = "a", json = {} }', "open[0].json: the message has text already"),
        ('{ within = "5s" }', "open[0].expect: nothing is sent and nothing awaited"),
        ('{ binary = "0" }', "open[0].binary: holds more than hexadecimal digits"),
        ('{ binary = "zz" }', "open[0].binary: holds more than hexadecimal digits"),
        ('{ text = "a", pointer = "type" }', 'open[0].pointer: "type" is not a JSON pointer'),
        ('{ text = "${TOKEN}" }', "open[0].text: nothing gives ${TOKEN}; write ${env:TOKEN}"),
        ('{ text = "${" }', 'open[0].text: "${" names nothing'),
        ('{ text = "a", expect = "${b c}" }', 'open[0].expect: "${b c}" names nothing'),
        ('{ json = { a = "${X}" } }', "open[0].json: nothing gives ${X}"),
        ('{ json = { a = "env:9" } }', 'open[0].json: "9" is not the name of an environment'),
        ("{ json = { a = 2026-12-01 } }", "open[0].json: cannot be written as JSON: it holds a da"),
        ("{ json = { a = nan } }", "open[0].json: cannot be written as JSON: it holds nan"),
        ('{ text = "a", within = "0s" }', "open[0].within"),
        ('{ text = "a", expcet = "b" }', 'open[0].expcet: unknown key; did you mean "expect"?'),
        ("3", "open[0]: must be a table"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line(messages, said):
    with pytest.raises(ScenarioError) as caught:
        scenario(messages)
    [line] = caught.value.lines
    assert line.startswith(f"s.toml: endpoints[0].{said}")


def test_a_tls_endpoint_has_no_messages():
    with pytest.raises(ScenarioError, match=r"endpoints\[0\].open: a tls:// endpoint has no messa"):
        scenario('{ text = "a" }', HEAD.replace("wss", "tls").replace("test/", "test"))


def test_json_as_deep_as_nobody_writes_it_is_a_mistake():
    with pytest.raises(ScenarioError, match="nested more than 16 deep"):
        scenario(f"{{ json = {'[' * 40}{']' * 40} }}")


def test_json_goes_out_as_it_is_written():
    [message] = (
        scenario('{ json = { op = 2, d = { t = "env:T", l = [1, "ü", true] } } }').endpoints[0].open
    )
    assert json_to_say(message.json) == '{"op":2,"d":{"t":"${env:T}","l":[1,"ü",true]}}'


MESSAGES = '{ text = "a ${env:A}", expect = "${env:B}" }, { json = { token = "env:C" } }'


def test_what_the_environment_fills_is_looked_up_before_the_run():
    made = scenario(MESSAGES)
    assert gaps_of(made.endpoints[0]) == ["A", "B", "C"]
    secrets = resolve_gaps(made, {"A": "1", "B": "2", "C": "3"}, "s.toml")
    assert {name: secret.reveal() for name, secret in secrets.items()} == {
        "A": "1",
        "B": "2",
        "C": "3",
    }
    with pytest.raises(ScenarioError) as caught:
        resolve_gaps(made, {"A": "1"}, "s.toml")
    assert [line.split(" is not set")[0] for line in caught.value.lines] == [
        "s.toml: endpoints.hub: the environment variable B",
        "s.toml: endpoints.hub: the environment variable C",
    ]


def test_what_looks_like_a_credential_is_masked_in_the_manifest():
    made = scenario(
        """{ text = '{"token": "hunter2", "op": "x"}' },"""
        """{ json = { d = { password = ["hunter2"], api_key = "env:KEY", op = "x" } } }"""
    )
    shown = str(masked(made))
    assert "hunter2" not in shown
    assert "env:KEY" in shown
    assert '"op": "x"' in shown


BEFORE = HEAD + 'before = { post = "https://a.test/t", take = { T = "/t" } }\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('before = { take = { T = "/t" } }', "before.get: needs a place; write get"),
        ('before = { get = "http://a/", take = { T = "/t" } }', 'before.get: "http://a/" is not'),
        ('before = { get = "/a b", take = { T = "/t" } }', "before.get: "),
        ('before = { get = "/", body = "x", take = { T = "/t" } }', "before.body: is sent by post"),
        ('before = { get = "/" }', "before.take: missing; write take ="),
        ('before = { get = "/", take = {} }', "before.take: takes nothing"),
        ('before = { get = "/", take = { "9" = "/t" } }', "before.take.9: is no name"),
        (
            'before = { get = "/", take = { T = "/~" } }',
            'before.take.T: "/~" is not a JSON pointer',
        ),
        ('before = { get = "/", take = { T = "a b" } }', 'before.take.T: "a b" is not a header'),
        ('before = { post = "/", body = "${T}", take = { T = "/t" } }', "before.body: nothing giv"),
    ],
)
def test_a_mistake_of_what_comes_before_is_one_line(text, said):
    with pytest.raises(ScenarioError) as caught:
        decode_scenario((HEAD + text).encode(), "s.toml")
    [line] = caught.value.lines
    assert line.startswith(f"s.toml: endpoints[0].{said}")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ('headers = { A = "Bearer ${U}" }', "headers.A: nothing gives ${U}; let `before` take it"),
        ('open = [{ text = "${U}" }]', "open[0].text: nothing gives ${U}; write ${env:U}"),
    ],
)
def test_a_gap_that_nothing_fills_is_one_line(more, said):
    with pytest.raises(ScenarioError) as caught:
        decode_scenario((BEFORE + more).encode(), "s.toml")
    [line] = caught.value.lines
    assert line == f"s.toml: endpoints[0].{said}"


def test_gaps_are_filled_by_what_is_taken():
    text = BEFORE.replace("hub.test/", "hub.test/?id=${T}")
    more = 'headers = { A = "Bearer ${T}" }\nopen = [{ json = { token = "${T}" } }]'
    [endpoint] = decode_scenario((text + more).encode(), "s.toml").endpoints
    assert gaps_of(endpoint) == []
    with pytest.raises(ScenarioError, match="url: nothing gives"):
        decode_scenario(HEAD.replace("hub.test/", "hub.test/?id=${T}").encode(), "s.toml")


def test_the_request_before_is_masked_and_its_variables_looked_up():
    text = (
        HEAD + 'before = { post = "https://a.test/t?sig=hunter2", take = { T = "/t" },'
        ' headers = { Authorization = "env:A", X-Api-Key = "hunter2" },'
        " body = 'client_secret=hunter2&id=${env:B}' }"
    )
    made = decode_scenario(text.encode(), "s.toml")
    assert "hunter2" not in str(masked(made))
    assert gaps_of(made.endpoints[0]) == ["B", "A"]
    with pytest.raises(ScenarioError, match=r"before.headers.Authorization: in the environment"):
        resolve_gaps(made, {"A": "a\nb", "B": "x"}, "s.toml")


ACTIVITY = HEAD + "[activity]\n"


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ('kind = "messages"', 'activity.kind: says nothing; write text = "..." or size = "1KiB"'),
        ('text = "a"', 'activity.text: is of messages; write kind = "messages"'),
        ('kind = "silent"\nsize = "1KiB"', "activity.size: is of messages"),
        ('pointer = "/a"', "activity.pointer: is of messages"),
        ('kind = "messages"\ntext = "a"\nsize = "1KiB"', "activity.size: the activity has text"),
        ('kind = "messages"\ntext = "${id}"', "activity.text: holds ${id}; here only ${number}"),
        ('kind = "messages"\ntext = "${env:A}"', "activity.text: holds ${A}; here only ${number}"),
        ('kind = "messages"\ntext = "a"\ndirection = "up"', "activity.direction: is of size"),
        ('kind = "messages"\nsize = "1KiB"\nexpect = "a"', "activity.expect: a message of size is"),
        ('kind = "messages"\ntext = "a"\npointer = "a"', 'activity.pointer: "a" is not a JSON'),
        ('kind = "messages"\nbinary = "x"', "activity.binary: holds more than hexadecimal"),
        ('kind = "messages"\ntext = "a"\nmessage = "1B"', "activity.message: is sent before"),
    ],
)
def test_a_mistake_of_an_activity_is_one_line(keys, said):
    with pytest.raises(ScenarioError) as caught:
        decode_scenario((ACTIVITY + keys).encode(), "s.toml")
    [line] = caught.value.lines
    assert line.startswith(f"s.toml: {said}")


def test_what_an_activity_says_is_masked_likewise():
    keys = 'kind = "messages"\njson = { token = "hunter2", op = 1 }'
    made = decode_scenario((ACTIVITY + keys).encode(), "s.toml")
    assert "hunter2" not in str(masked(made))
