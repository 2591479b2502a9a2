"""Each TOML type against each type of field."""

from datetime import UTC, date, datetime

import pytest
from msgspec import inspect

from stresser.model.client_hello import HelloKind
from stresser.model.errors import ScenarioError
from stresser.model.units import Duration
from stresser.scenario.convert import WRONG, convert, convert_fields, describe, struct_type
from stresser.scenario.mistakes import Mistakes
from stresser.scenario.plan import (
    ActivityKind,
    Endpoint,
    Reconnect,
    Sessions,
    Timeouts,
    Verify,
)

HUGE = 10**400


def field_type(cls, name):
    return next(field.type for field in struct_type(cls).fields if field.name == name)


def lines_of(mistakes):
    with pytest.raises(ScenarioError) as caught:
        mistakes.raise_all()
    return caught.value.lines


@pytest.mark.parametrize(
    ("cls", "name", "value", "converted"),
    [
        (Sessions, "count", 5, 5),
        (Sessions, "ramp", "2m", Duration.parse("2m")),
        (Sessions, "attempts_per_second", 5, 5.0),
        (Sessions, "reconnect", False, False),
        (Sessions, "reconnect", {}, Reconnect()),
        (Sessions, "workers", 4, 4),
        (Sessions, "workers", "auto", "auto"),
        (Endpoint, "verify", "require", Verify.REQUIRE),
        (Endpoint, "tls_version", "1.2", "1.2"),
        (Endpoint, "hello", "hybrid", HelloKind.HYBRID),
        (Endpoint, "family", "ipv6", "ipv6"),
        (Endpoint, "headers", {"A": "b"}, {"A": "b"}),
        (Endpoint, "alpn", ["h2"], ["h2"]),
        (Endpoint, "sni", "x", "x"),
        (Endpoint, "send_secrets_over_unverified_chain", True, True),
    ],
)
def test_a_right_value(cls, name, value, converted):
    mistakes = Mistakes("s")
    assert convert(value, field_type(cls, name), (name,), mistakes) == converted
    assert len(mistakes) == 0


@pytest.mark.parametrize(
    ("cls", "name", "value", "problem"),
    [
        (Sessions, "count", True, "whole number, not true"),
        (Sessions, "count", 2.0, "whole number, not 2.0"),
        (Sessions, "count", "5", 'whole number, not "5"'),
        (Sessions, "count", HUGE, "absurdly large"),
        (Sessions, "count", float("inf"), "not inf"),
        (Sessions, "attempts_per_second", float("nan"), "not nan"),
        (Sessions, "attempts_per_second", -HUGE, "absurdly large"),
        (Sessions, "attempts_per_second", False, "not false"),
        (Sessions, "ramp", 10, 'write "10s"'),
        (Sessions, "ramp", 0.5, 'write "0.5s"'),
        (Sessions, "ramp", -1, "not -1"),
        (Sessions, "ramp", HUGE, "absurdly large"),
        (Sessions, "ramp", float("nan"), "not nan"),
        (Sessions, "ramp", date(2026, 1, 1), "a date or time"),
        (Sessions, "reconnect", True, "a table or false, not true"),
        (Sessions, "reconnect", "no", "a table or false"),
        (Sessions, "workers", True, 'a whole number or "auto", not true'),
        (Sessions, "workers", 1.5, 'a whole number or "auto", not 1.5'),
        (Sessions, "workers", "4", 'a whole number or "auto", not "4"'),
        (Sessions, "workers", HUGE, "absurdly large"),
        (Sessions, "workers", [], "not a list"),
        (Timeouts, "tls", ["1s"], "not a list"),
        (Endpoint, "verify", "requier", 'did you mean "require"?'),
        (Endpoint, "verify", 1, 'write "report" or "require"'),
        (Endpoint, "tls_version", 1.2, 'write "1.2" or "1.3"'),
        (Endpoint, "hello", "hybird", 'did you mean "hybrid"?'),
        (Endpoint, "family", 6, 'write "ipv4" or "ipv6"'),
        (Endpoint, "headers", "hunter2", "must be a table"),
        (Endpoint, "headers", {"A": 77777}, "must be text in quotes"),
        (Endpoint, "headers", {"A": {"b": "hunter2"}}, 'quotes: "A.b"'),
        (Endpoint, "headers", {str(i): "x" for i in range(300)}, "256 at most"),
        (Endpoint, "alpn", "h2", 'must be a list, not "h2"'),
        (Endpoint, "alpn", [1], 'must be text in quotes, not 1; write "1"'),
        (Endpoint, "alpn", ["x"] * 5000, "4096 at most"),
        (Endpoint, "sni", "x" * 10_000, "8192 at most"),
        (Endpoint, "sni", datetime(2026, 1, 1, tzinfo=UTC), "a date or time"),
        (Endpoint, "send_secrets_over_unverified_chain", "true", 'true or false, not "true"'),
    ],
)
def test_a_wrong_value_is_one_line(cls, name, value, problem):
    mistakes = Mistakes("s")
    assert convert(value, field_type(cls, name), (name,), mistakes) is WRONG
    [line] = lines_of(mistakes)
    assert problem in line
    assert "hunter2" not in line
    assert "77777" not in line


def test_every_field_of_a_table_is_looked_at():
    mistakes = Mistakes("s")
    assert convert_fields({"nam": 1, "alpn": 1, "sni": 2}, Endpoint, (), mistakes) is None
    assert len(lines_of(mistakes)) == 5  # nam, alpn, sni, no name, no url


def test_text_fields_take_the_raw_text_of_an_option():
    mistakes = Mistakes("s")
    mistakes.set_by_option(("sni",), "sni", "2026-01-01")
    assert convert(date(2026, 1, 1), inspect.StrType(), ("sni",), mistakes) == "2026-01-01"
    mistakes.set_by_option(("v",), "v", "1.2")
    assert convert(1.2, field_type(Endpoint, "tls_version"), ("v",), mistakes) == "1.2"


def test_only_structs_have_fields():
    with pytest.raises(TypeError):
        struct_type(ActivityKind)


@pytest.mark.parametrize(
    ("value", "words"),
    [({}, "a table"), ([], "a list"), (1.5, "1.5"), (-1, "-1"), (HUGE, "an absurdly large number")],
)
def test_a_value_in_a_few_words(value, words):
    assert describe(value) == words
