"""Where this host's proxy settings differ from what a Cloud Connector takes.

A Connector's services run as local service and take WinHTTP's proxy: not the user's, not the
environment's, no PAC file (docs.citrix.com, Cloud Connector, proxy and firewall configuration).
Sessions of the generated scenario take none. Pure: what the settings are, the caller asks.
"""

from collections.abc import Iterable, Iterator, Mapping

from stresser.model.units import escaped
from stresser.scenario.plan import Scheme
from stresser.scenario.proxy_environment import proxy_from_environment
from stresser.witness.proxy_settings import WindowsProxies

_LONGEST = 100
_NO_WINDOWS = (
    "this is no Windows host: the environment alone was looked at, no desktop settings and no PAC "
    "file. What a Connector takes, its own host says: netsh winhttp show proxy"
)


def proxy_sentences(
    hosts: Iterable[str], environment: Mapping[str, str], windows: WindowsProxies | None
) -> list[str]:
    """What differs, and what cannot be known here, a sentence each, escaped. No credentials.

    Args:
        hosts: those that are dialled.
        environment: of this process.
        windows: what WinHTTP says; None where this is no Windows.
    """
    sentences = list(_of_environment(list(hosts), environment))
    if windows is None:
        return [*sentences, _NO_WINDOWS]
    return [*sentences, *_of_winhttp(windows), *_of_user(windows)]


def _of_environment(hosts: list[str], environment: Mapping[str, str]) -> Iterator[str]:
    proxies: dict[str, int] = {}
    for host in hosts:
        try:
            proxy = proxy_from_environment(Scheme.TLS, host, environment)
        except ValueError as error:  # names the variable, never its credentials
            yield f"{escaped(str(error))}; a Connector takes none of the environment"
            return
        if proxy is not None:
            proxies[str(proxy)] = proxies.get(str(proxy), 0) + 1
    for proxy_url, number in proxies.items():
        yield (
            f"the environment names the proxy {escaped(proxy_url, _LONGEST)} for {number} of "
            f"{len(hosts)} names: curl takes it, a Connector does not"
        )


def _of_winhttp(windows: WindowsProxies) -> Iterator[str]:
    if windows.winhttp is None:
        yield "WinHTTP did not say its proxy: netsh winhttp show proxy"
    elif windows.winhttp:
        yield (
            f"WinHTTP has the proxy {escaped(windows.winhttp, _LONGEST)}: a Connector on this host "
            "takes it, the sessions of this scenario only with proxy = in their egress"
        )


def _of_user(windows: WindowsProxies) -> Iterator[str]:
    """A Connector runs as another user, and reads no PAC."""
    if windows.user is None:
        yield "what proxy this user has is not known"
    elif windows.user and windows.user != windows.winhttp:
        direct = "none" if windows.winhttp == "" else "another"
        yield (
            f"this user has the proxy {escaped(windows.user, _LONGEST)}, WinHTTP {direct}: what a "
            "browser reaches here, a Connector may not"
        )
    if windows.user_pac:
        yield (
            f"this user has the PAC file {escaped(windows.user_pac, _LONGEST)}: browsers read it, "
            "a Connector does not"
        )
    if windows.user_looks_for_pac:
        yield "this user's programs look for a PAC file (WPAD): a Connector does not"
