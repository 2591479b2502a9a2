"""Mutated scenario files: each is a scenario or a list of clear lines, never anything else."""

import copy
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stresser.lab.behaviours import parse_behaviour
from stresser.model.errors import ScenarioError
from stresser.scenario.decode import decode_scenario, scenario_from_tree
from stresser.scenario.plain import to_plain
from stresser.scenario.plan import Scenario

pytestmark = pytest.mark.slow


SHIPPED = [
    path.read_text() for path in sorted((Path(__file__).parents[2] / "scenarios").glob("*.toml"))
]
TREES = [tomllib.loads(text) for text in SHIPPED]
MUTATIONS = settings(
    max_examples=250,  # of trees and of texts: 500 mutated files
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
SNIPPETS = [
    "",
    " ",
    "\n",
    "\t",
    '"',
    "'",
    '"""',
    "[",
    "]",
    "[[",
    "]]",
    "{",
    "}",
    "=",
    ".",
    ",",
    "#",
    "-",
    "0",
    "1e400",
    "nan",
    "-inf",
    "10",
    "true",
    "false",
    "1979-05-27",
    "0x" + "f" * 40,
    "\x00",
    "\x1b[31m",
    "\u202e",
    "\ud7ff",
    "é",
    "env:",
    "env:X",
    "[sessions]",
    "[[endpoints]]",
    "[activity]",
    "[[activities]]",
    "[[egresses]]",
    "name = ",
    "count = 10_000_000",
    'url = "wss://[::1',
    "a.b.c",
    'proxy = "http://p"',
    "lab+wss://",
    "%",
    "{egress=vpn}",
    "9" * 50,
    "a" * 200,
    "\\u0000",
    "\r",
]
SCALARS = st.one_of(
    st.integers(),
    st.sampled_from([10**30, -(10**400), True, False, 0, -1, 0.5, 1e308]),
    st.floats(),
    st.dates(),
    st.text(max_size=20),
    st.sampled_from([snippet for snippet in SNIPPETS if snippet]),
    st.sampled_from(["wss://h", "tls://h:1/x", "10s", "-1s", "env:A", "= 0", "< 5%", "silent"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)


def outcome(decode) -> Scenario | None:
    """The scenario, or None after its mistakes were found to be clear."""
    try:
        scenario = decode()
    except ScenarioError as error:
        check_lines(error.lines)
        return None
    assert isinstance(scenario, Scenario)
    assert scenario.endpoints
    assert scenario.activities
    return scenario


def check_lines(lines):
    assert lines
    for line in lines:
        assert line.startswith(("mutated.toml: ", "--set "))
        assert line.isprintable()
        assert 15 < len(line) <= 1000


@st.composite
def mutated_texts(draw):
    text = draw(st.sampled_from(SHIPPED))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 30)))
        how = draw(st.sampled_from(["replace", "cut", "double", "swap lines", "truncate"]))
        if how == "replace":
            text = text[:start] + draw(st.sampled_from(SNIPPETS)) + text[end:]
        elif how == "cut":
            text = text[:start] + text[end:]
        elif how == "double":
            text = text[:end] + text[start:]
        elif how == "swap lines":
            lines = text.split("\n")
            i, j = (draw(st.integers(0, len(lines) - 1)) for _ in range(2))
            lines[i], lines[j] = lines[j], lines[i]
            text = "\n".join(lines)
        else:
            text = text[:start]
    return text


def places(node: Any, path=()):
    yield path
    items = (
        node.items()
        if isinstance(node, dict)
        else enumerate(node)
        if isinstance(node, list)
        else ()
    )
    for key, inner in items:
        yield from places(inner, (*path, key))


@st.composite
def mutated_trees(draw):
    tree = copy.deepcopy(draw(st.sampled_from(TREES)))
    for _ in range(draw(st.integers(1, 4))):
        *path, last = draw(st.sampled_from([place for place in places(tree) if place]))
        holder = tree
        for step in path:
            holder = holder[step]
        how = draw(st.sampled_from(["set", "remove", "misspell", "add", "double"]))
        if how == "remove":
            del holder[last]
        elif how == "misspell" and isinstance(holder, dict):
            holder[last[::-1] + draw(st.sampled_from("xs_ "))] = holder.pop(last)
        elif how == "add" and isinstance(holder, dict):
            holder[draw(st.sampled_from(["count", "proxy", "name", "activity", "lab", "\n"]))] = (
                draw(VALUES)
            )
        elif how == "double" and isinstance(holder, list):
            holder.append(copy.deepcopy(holder[last]))
        else:
            holder[last] = draw(VALUES)
    return tree


@MUTATIONS
@given(mutated_texts())
def test_mutated_text(text):
    data = text.encode("utf-8", "surrogatepass")
    outcome(lambda: decode_scenario(data, "mutated.toml", check_lab=parse_behaviour))


@MUTATIONS
@given(mutated_trees())
def test_mutated_trees(tree):
    scenario = outcome(lambda: scenario_from_tree(tree, "mutated.toml"))
    if scenario is not None:
        assert outcome(lambda: scenario_from_tree(to_plain(scenario), "mutated.toml")) == scenario


@MUTATIONS
@given(
    st.sampled_from(SHIPPED),
    st.sampled_from(
        sorted(
            {
                ".".join(
                    f"[{step}]" if isinstance(step, int) else f'"{step}"' for step in place
                ).replace(".[", "[")
                for tree in TREES
                for place in places(tree)
                if place
            }
        )
    ),
    st.one_of(SCALARS.map(str), st.text(max_size=30)),
)
def test_mutated_options(text, key, value):
    outcome(lambda: decode_scenario(text.encode(), "mutated.toml", [(key, value)]))


@pytest.mark.parametrize("text", SHIPPED)
def test_the_files_as_shipped_are_scenarios(text):
    assert outcome(lambda: decode_scenario(text.encode(), "mutated.toml")) is not None
