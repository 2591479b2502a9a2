"""What to do about a way that failed: the row for what was met, with the names that it is about."""

from collections.abc import Sequence

from stresser.analysis.checkup.finding import destinations, hosts, listed
from stresser.analysis.checkup.hello_reading import read_hellos
from stresser.analysis.words.obstacles import Obstacle, Stopped, obstacle_of
from stresser.analysis.words.remedy_table import (
    BY_OBSTACLE,
    asked_words,
    facts_of_ending,
    missing_facts,
    seen_words,
    sent_words,
)
from stresser.model.checkup_facts import Asked, WayChecked
from stresser.model.events import AttemptFailed
from stresser.scenario.plan import Scheme


def met_on(way: WayChecked, failed: AttemptFailed) -> Obstacle:
    """What a way has met; where hellos that differ have shown what decides, that."""
    return read_hellos(way.hellos).decides or obstacle_of(
        Stopped(
            failed.ending,
            tls=way.tls,
            by_proxy=way.proxy is not None,
            carries_token=way.carries_token,
            is_page=way.asked is Asked.GET,
            names_issuer=way.chain is not None and way.chain.issuer_url is not None,
        )
    )


def remedy(failed: AttemptFailed, ways: Sequence[WayChecked]) -> str:
    """What to do, for ways that failed alike. `failed`: how the first of them did."""
    return asked_words(BY_OBSTACLE[met_on(ways[0], failed)], _facts(failed, ways))


def seen_on(way: WayChecked, failed: AttemptFailed) -> str | None:
    """What was seen, in words; None: the ending's own say it all."""
    met = met_on(way, failed)
    return None if met in _SAID else seen_words(BY_OBSTACLE[met], _facts(failed, [way]))


_SAID = frozenset({Obstacle.UNNAMED, Obstacle.TOOL_LIMIT, Obstacle.CHAIN_REFUSED})


def hello_remedy(decides: Obstacle, ways: Sequence[WayChecked]) -> str:
    """What to do about hellos that do not pass, where sessions open all the same."""
    return asked_words(BY_OBSTACLE[decides], _names(ways))


def _facts(failed: AttemptFailed, ways: Sequence[WayChecked]) -> dict[str, str]:
    first = ways[0]
    names = listed(failed.ending.evidence.name or way.host for way in ways[:1])
    lacks = first.chain and missing_facts(first.chain.missing_issuer, first.chain.issuer_url)
    return (
        facts_of_ending(failed.ending, first.tls)
        | (lacks or {})
        | _names(ways)
        | {"names": names if len(ways) == 1 else hosts(ways)}
    )


def _names(ways: Sequence[WayChecked]) -> dict[str, str]:
    return {
        "hosts": hosts(ways),
        "destinations": destinations(ways),
        "sent": _name_sent(ways),
        "bare": listed(map(_bare, ways)),
        "to_mss": _to_mss(ways),
    }


def _bare(way: WayChecked) -> str:
    """The same with nothing said over it."""
    scheme = Scheme.TCP if way.tls is None else Scheme.TLS
    return f"{scheme}://{way.host or way.endpoint}:{way.port}"


def _to_mss(ways: Sequence[WayChecked]) -> str:
    """The MSS with which all of them would pass; empty: it was not found."""
    found = [limit.passes for way in ways for limit in way.segments]
    return f" to {min(found)}" if found else ""


def _name_sent(ways: Sequence[WayChecked]) -> str:
    names = [way.sni for way in ways if way.sni is not None]
    return sent_words(listed(names))
