"""Which proxies each endpoint has through each egress: PAC files are asked before a run begins.

Once for each endpoint and egress; sessions follow what was said then.
"""

from collections.abc import Mapping
from pathlib import Path

from stresser.model.errors import ScenarioError
from stresser.model.units import escaped
from stresser.net.dial import Binding
from stresser.net.pac import ask_pac
from stresser.net.source_address import own_addresses
from stresser.run.preflight import interface_address
from stresser.scenario.endpoint import parse_url
from stresser.scenario.pac_answer import PacAnswer, PacAsk, is_url, pac_ask, pac_place
from stresser.scenario.plan import Egress, Scenario
from stresser.scenario.proxies import Proxies, asks_pac, resolve_proxies
from stresser.scenario.proxy_url import FROM_ENVIRONMENT, PAC
from stresser.witness.proxy_settings import system_pac


def choose_proxies(
    scenario: Scenario, environment: Mapping[str, str], file: Path, name: str
) -> Proxies:
    """The proxies of each endpoint and egress that have some. Blocks until PAC files have answered.

    Args:
        scenario: the plan.
        environment: `os.environ`.
        file: the scenario's, to whose folder a PAC's path is relative.
        name: of the scenario in messages.

    Raises:
        ScenarioError: one line for each variable, PAC and answer that cannot be used.
    """
    answers: dict[tuple[str, str], PacAnswer] = {}
    mistakes: list[str] = []
    for egress in scenario.egresses:
        asks = {
            one.name: pac_ask(parse_url(one.url))
            for one in scenario.endpoints
            if asks_pac(egress, one, environment)
        }
        try:
            said = _answers(egress, asks, environment, file) if asks else {}
        except ValueError as error:
            mistakes.append(f"{escaped(name)}: egresses.{egress.name}.proxy: {error}")
            continue
        answers |= {(endpoint, egress.name): one for endpoint, one in said.items()}
    if mistakes:
        raise ScenarioError(*mistakes)
    return resolve_proxies(scenario, environment, name, answers)


def _answers(
    egress: Egress, asks: Mapping[str, PacAsk], environment: Mapping[str, str], file: Path
) -> dict[str, PacAnswer]:
    """By endpoint; empty: this system has no PAC.

    Raises:
        ValueError: the scenario's PAC cannot be used. Where this system's cannot, its programs go
            directly, and so does stresser: that is said.
    """
    if egress.proxy != FROM_ENVIRONMENT:
        place = pac_place(str(egress.proxy))
        try:
            texts = ask_pac(_found(place, file), list(asks.values()), _own(egress))
        except ValueError as error:
            raise ValueError(f"{escaped(PAC + place)} {error}") from None
        return _of(PAC + place, asks, texts)
    system = system_pac(environment)
    if system is None:
        return {}
    source = f"{system.place} ({system.set_by})"
    try:
        place = pac_place(PAC + system.place)
        return _of(source, asks, ask_pac(place, list(asks.values()), _own(egress)))
    except ValueError as error:
        return _of(source, asks, [""] * len(asks), failure=str(error))


def _of(
    source: str, asks: Mapping[str, PacAsk], texts: list[str], failure: str | None = None
) -> dict[str, PacAnswer]:
    return {
        endpoint: PacAnswer(source=source, url=ask.url, answer=text, failure=failure)
        for (endpoint, ask), text in zip(asks.items(), texts, strict=True)
    }


def _found(place: str, file: Path) -> str:
    return place if is_url(place) else str(file.parent / Path(place).expanduser())


def _own(egress: Egress) -> list[str]:
    """What `myIpAddress` is to say: our address on this egress."""
    if egress.source is not None:
        return [egress.source]
    found = own_addresses(Binding(device=egress.interface))
    if not found and egress.interface is not None:  # this process may not bind to a device
        found = [one for one in [interface_address(egress.interface)] if one is not None]
    return found
