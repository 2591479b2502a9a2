"""The mistakes found in one scenario, each a line: where, what is wrong, the correction."""

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import NoReturn

from stresser.model.errors import ScenarioError
from stresser.model.units import escaped, shown

Path = tuple[str | int, ...]

_MOST_LINES = 50
_LONGEST_PLACE = 160
_LONGEST_LINE = 1000
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Mistakes:
    """Collects lines. What `--set` wrote is blamed on its key, all else on the file."""

    def __init__(self, filename: str) -> None:
        self._filename = escaped(filename)
        self._options: dict[Path, tuple[str, str]] = {}
        self._lines: list[str] = []
        self._untold = 0

    def __len__(self) -> int:
        return len(self._lines) + self._untold

    @property
    def is_full(self) -> bool:
        """Further lines are only counted: hints that cost time are wasted on them."""
        return len(self._lines) >= _MOST_LINES

    def set_by_option(self, path: Path, key: str, text: str) -> None:
        """From now on the value at this path is known to be of `--set key=text`."""
        self._options[path] = (key, text)

    def option_text(self, path: Path) -> str | None:
        """The text that `--set` gave for exactly this path."""
        return self._options[path][1] if path in self._options else None

    def add(self, path: Path, text: str) -> None:
        """One mistake at a path; the empty path is the file as a whole."""
        key, rest = self._option_of(path)
        if key is None:
            place = shown_key(path)
            self._append(f"{self._filename}: {place}: {text}" if place else self.whole(text))
        else:
            inner = f"{shown_key(rest)}: " if rest else ""
            self._append(f"--set {escaped(key, _LONGEST_PLACE)}: {inner}{text}")

    def add_option(self, key: str, text: str) -> None:
        """One mistake in a `--set` whose key leads nowhere."""
        self._append(f"--set {escaped(key, _LONGEST_PLACE)}: {text}")

    def whole(self, text: str) -> str:
        """A line about the file as a whole."""
        return f"{self._filename}: {text}"

    def raise_all(self) -> NoReturn:
        """Raises ScenarioError with every line."""
        more = f"{self._filename}: and {self._untold} more mistakes"
        raise ScenarioError(*self._lines, *([more] if self._untold else []))

    def _append(self, line: str) -> None:
        if self.is_full:
            self._untold += 1
        else:
            self._lines.append(escaped(line, _LONGEST_LINE))

    def _option_of(self, path: Path) -> tuple[str | None, Path]:
        for end in range(len(path), 0, -1):
            if path[:end] in self._options:
                return self._options[path[:end]][0], path[end:]
        return None, path


def shown_key(path: Path) -> str:
    """`endpoints[1].url`; a key that TOML would not take bare is quoted and escaped."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
            continue
        key = part if _BARE_KEY.fullmatch(part) else shown(part)
        text += f".{key}" if text else key
    return text


def did_you_mean(text: str, known: Iterable[str]) -> str:
    """`; did you mean "count"?` for the nearest known word, or nothing."""
    words = {word.lower(): word for word in known}
    close = get_close_matches(text[:64].lower(), words, n=1, cutoff=0.6)
    return f'; did you mean "{words[close[0]]}"?' if close else ""
