"""Finds, reads and decodes the scenario that a command names: a path or a shipped name."""

import stat
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import stresser
from stresser.lab.behaviours import parse_behaviour
from stresser.model.errors import ScenarioError
from stresser.model.units import shown
from stresser.scenario.decode import LARGEST_FILE, decode_scenario
from stresser.scenario.mistakes import did_you_mean
from stresser.scenario.overrides import split_assignment
from stresser.scenario.plan import Scenario

_SUFFIX = ".toml"


class LoadedScenario(NamedTuple):
    """A scenario and the file it came from; `ca` paths are relative to that file's folder."""

    scenario: Scenario
    path: Path


def load_scenario(named: str, overrides: Sequence[str] = ()) -> LoadedScenario:
    """Read the scenario that SCENARIO and the `--set` options of a command line give.

    Args:
        named: a path, or the name of a shipped scenario.
        overrides: each `KEY=VALUE` of `--set`, the later one wins.

    Raises:
        ScenarioError: one line for each mistake, also for a file that cannot be read.
    """
    pairs = _assignments(overrides)
    path = find_scenario(named)
    scenario = decode_scenario(_read(path, named), str(path), pairs, check_lab=parse_behaviour)
    missing = _missing_ca_files(scenario, path)
    if missing:
        raise ScenarioError(*missing)
    return LoadedScenario(scenario, path)


def find_scenario(named: str) -> Path:
    """The file of a scenario.

    Raises:
        ScenarioError: one line with the shipped names, the nearest of them first.
    """
    path = Path(named)
    try:
        if named and path.exists() and not (path.is_dir() and named in shipped_names()):
            return path
    except (OSError, ValueError):  # a name that no file system takes
        raise ScenarioError(f"{shown(named)} is not the path of a file") from None
    if named in shipped_names():
        return shipped_folder() / f"{named}{_SUFFIX}"
    raise ScenarioError(_not_found(named))


def shipped_names() -> list[str]:
    """The scenarios that come with stresser."""
    return sorted(path.stem for path in shipped_folder().glob(f"*{_SUFFIX}"))


def shipped_folder() -> Path:
    """Inside the package once it is installed; beside it in a source tree."""
    package = Path(stresser.__file__).parent
    installed = package / "scenarios"
    return installed if installed.is_dir() else package.parent / "scenarios"


def ca_file(endpoint_ca: str, scenario_path: Path) -> Path:
    """An endpoint's `ca`, relative to the scenario file; `~` is the user's home."""
    return scenario_path.parent / Path(endpoint_ca).expanduser()


def _assignments(overrides: Sequence[str]) -> list[tuple[str, str]]:

    pairs, mistakes = [], []
    for text in overrides:
        try:
            pairs.append(split_assignment(text))
        except ValueError as error:
            mistakes.append(f"--set: {error}")
    if mistakes:
        raise ScenarioError(*mistakes)
    return pairs


def _read(path: Path, named: str) -> bytes:
    """At most one byte more than a scenario may have: `decode` says what is wrong with that."""
    try:
        if stat.S_ISDIR(path.stat().st_mode):
            raise ScenarioError(f"{shown(named)} is a folder, not a scenario file")
        with path.open("rb") as file:
            return file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise ScenarioError(f"{shown(named)} cannot be read: {error.strerror}") from None


def _not_found(named: str) -> str:

    names = shipped_names()
    near = did_you_mean(Path(named).name.removesuffix(_SUFFIX), names)
    return f"no file {shown(named)}; shipped scenarios are {', '.join(names)}{near}"


def _missing_ca_files(scenario: Scenario, path: Path) -> list[str]:
    return [
        f"{path}: endpoints.{endpoint.name}.ca: there is no file {shown(endpoint.ca)} "
        f"in {shown(str(path.parent))}"
        for endpoint in scenario.endpoints
        if endpoint.ca is not None and not ca_file(endpoint.ca, path).is_file()
    ]
