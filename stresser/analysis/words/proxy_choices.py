"""Which proxy a PAC file led to, in words."""

from stresser.model.proxy_chosen import ProxyChosen
from stresser.model.units import escaped
from stresser.scenario.pac_answer import DIRECT, said_words

_NAME = 100


def pac_words(chosen: ProxyChosen) -> str:
    """What the PAC returned for an endpoint."""
    said = said_words(chosen.source, chosen.answer, chosen.without_pac)
    return said if chosen.without_pac is not None else f"{said} for {escaped(chosen.url)}"


def taken_words(chosen: ProxyChosen) -> str:
    """The same, and which of its proxies was used."""
    return f"{pac_words(chosen)}; used {escaped(chosen.chosen, _NAME)}"


def change_of_proxy_words(chosen: ProxyChosen) -> str:
    """`http://a:8080 failed (Connection refused): sessions go through http://b:8080`."""
    to = "directly" if chosen.chosen == DIRECT else f"through {escaped(chosen.chosen, _NAME)}"
    if chosen.instead_of is None:
        return f"sessions go {to} again"
    why = escaped(chosen.failure or "unknown", _NAME)
    return f"{escaped(chosen.instead_of, _NAME)} failed ({why}): new sessions go {to}"
