"""A text of the scenario with gaps: `${env:NAME}` is taken from the environment, `${NAME}` later.

`env:NAME` as the whole text is the first, too, as in headers. `$${` is a `${` that stays. What came
from the environment shows itself to no one.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from stresser.model.units import shown
from stresser.scenario.secrets import Secret, variable_of

_GAP = re.compile(r"\$?\$\{([^{}$]{0,160})(\})?")
_NAME = r"[A-Za-z_][A-Za-z0-9_]{0,127}"
_INSIDE = re.compile(rf"(env:)?({_NAME})")
_NOTHING: Mapping[str, str] = {}


class Blank(NamedTuple):
    """What is to be put in."""

    name: str
    from_environment: bool


def whole_from_environment(text: str) -> str:
    """`env:NAME` as a wording writes it; any other text as it is."""
    return f"${{{text}}}" if text.startswith("env:") and variable_of(text) else text


class Wording:
    """One such text. Raises ValueError, with one sentence, where a gap has no name."""

    __slots__ = ("_parts",)

    def __init__(self, text: str) -> None:
        self._parts: tuple[str | Blank | Secret, ...] = tuple(
            _parts_of(whole_from_environment(text))
        )

    @staticmethod
    def is_name(text: str) -> bool:
        """Whether a gap may be called so."""
        return re.fullmatch(_NAME, text) is not None

    def __repr__(self) -> str:
        return f"<Wording of {len(self._parts)} parts>"

    @property
    def gaps(self) -> list[Blank]:
        """What is not put in yet, in its order."""
        return [part for part in self._parts if isinstance(part, Blank)]

    @property
    def is_secret(self) -> bool:
        """Something in it came from the environment."""
        return any(isinstance(part, Secret) for part in self._parts)

    def with_secrets(self, secret: Callable[[str], Secret]) -> "Wording":
        """With what the environment holds, by variable. Raises what `secret` does."""
        filled = Wording("")
        filled._parts = tuple(
            secret(part.name) if isinstance(part, Blank) and part.from_environment else part
            for part in self._parts
        )
        return filled

    def said(self, taken: Mapping[str, str] = _NOTHING, *, in_json: bool = False) -> str:
        """The text with all gaps filled; `in_json`: within strings of JSON, escaped for them.

        Raises:
            KeyError: a gap has no value in `taken`.
        """
        write = _inside_json if in_json else str
        return "".join(
            part if isinstance(part, str)
            else write(part.reveal() if isinstance(part, Secret) else taken[part.name])
            for part in self._parts
        )  # fmt: skip


def _inside_json(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1]


def _parts_of(text: str) -> "list[str | Blank]":
    parts: list[str | Blank] = []
    at = 0
    for found in _GAP.finditer(text):
        parts.append(text[at : found.start()])
        parts.append(_part_of(found))
        at = found.end()
    return [part for part in [*parts, text[at:]] if part]


def _part_of(found: re.Match[str]) -> str | Blank:
    if found[0].startswith("$$"):
        return found[0][1:]
    inside = _INSIDE.fullmatch(found[1])
    if inside is None or found[2] is None:
        raise ValueError(
            f"{shown(found[0])} names nothing; write ${{env:NAME}}, or $${{ for a ${{ that stays"
        )
    return Blank(inside[2], inside[1] is not None)
