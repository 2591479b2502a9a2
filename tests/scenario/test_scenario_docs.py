"""docs/scenario.md names every key of every table with its default, and no other."""

import re
import tomllib
from pathlib import Path

import pytest
from msgspec import NODEFAULT

from stresser.scenario.convert import struct_type
from stresser.scenario.decode import decode_scenario
from stresser.scenario.json_schema import TABLES, default_of
from stresser.scenario.lab_table import Middlebox
from stresser.scenario.plan import (
    Activity,
    Before,
    Egress,
    Endpoint,
    FirstMessage,
    Reconnect,
    Record,
    Reflector,
    Scenario,
    Sessions,
    Timeouts,
    Witnesses,
)

PAGE = (Path(__file__).parents[2] / "docs" / "scenario.md").read_text()
HEADINGS = {
    Scenario: "Top of the file",
    Sessions: "`[sessions]`",
    Reconnect: "`sessions.reconnect`",
    Timeouts: "`[timeouts]`",
    Activity: "`[activity]` or `[[activities]]`",
    Endpoint: "`[[endpoints]]`",
    Before: "`before` of an endpoint",
    FirstMessage: "`open` of an endpoint",
    Reflector: "`reflector` of an endpoint",
    Egress: "`[[egresses]]`",
    Middlebox: "`lab` of an egress",
    Record: "`[record]`",
    Witnesses: "`[witnesses]`",
}
SAID_IN_WORDS = {
    (Activity, "name"): "the kind",
    (Scenario, "sessions"): "see `[sessions]`",
    (Scenario, "timeouts"): "see `[timeouts]`",
    (Scenario, "record"): "see `[record]`",
    (Scenario, "witnesses"): "see `[witnesses]`",
    (Scenario, "activities"): "one `heartbeat`",
    (Scenario, "egresses"): "one, `default`",
    (Sessions, "reconnect"): "see `sessions.reconnect`",
}


def rows_under(heading):
    _, _, rest = PAGE.partition(f"# {heading}\n")
    section = re.split(r"^#+ ", rest, maxsplit=1, flags=re.MULTILINE)[0]
    return dict(re.findall(r"^\| `(\w+)` \| (.*?) \| .{10,} \|$", section, re.MULTILINE))


def written(cls, field):
    if (cls, field.name) in SAID_IN_WORDS:
        return SAID_IN_WORDS[cls, field.name]
    default = default_of(field)
    if default is NODEFAULT:
        return "required"
    if default is None or default in ([], {}):
        return "none"
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    return f'`"{default}"`' if isinstance(default, str) else f"`{default}`"


@pytest.mark.parametrize("cls", TABLES)
def test_every_key_stands_with_its_default(cls):
    fields = struct_type(cls).fields
    assert rows_under(HEADINGS[cls]) == {field.name: written(cls, field) for field in fields}


def test_the_example_is_a_scenario():
    [first, *_] = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    assert decode_scenario(first.encode(), "docs/scenario.md").name == "vpn-vs-direct"


def test_the_thresholds_shown_are_thresholds():
    shown = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)[-1]
    head = (
        'name = "s"\n[[endpoints]]\nname = "broker"\nurl = "wss://h"\n'
        '[[egresses]]\nname = "direct"\n[[egresses]]\nname = "vpn"\n[thresholds]\n'
    )
    assert len(decode_scenario((head + shown).encode(), "x").thresholds) == len(
        tomllib.loads(shown)
    )
