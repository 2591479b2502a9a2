"""Who stands in for an endpoint unasked: proxies here, nearby, behind each other, and VPNs.

Each finding has its evidence. What could as well be the endpoint's own doing is not reported, or
reported as what it is: an endpoint that is local by its very name shows no box.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from stresser.analysis.checkup.finding import Concern, Finding, hosts, listed, named
from stresser.analysis.counts.resolved_addresses import Sites, SitesApart
from stresser.analysis.words.site_words import sites_in_words
from stresser.model.checkup_facts import WayChecked
from stresser.model.events import ResolvedBy
from stresser.model.units import NS_PER_MS, escaped, format_duration
from stresser.scenario.endpoint import ip_or_none

FEWEST_MEASUREMENTS = 3
NEAR_TIMES = 8
NEAR_NS = 20 * NS_PER_MS
"""A round trip of TLS takes so many times as long as one of TCP, and so much longer."""
_ALIKE_TIMES, _ALIKE_NS = 1.25, NS_PER_MS // 2
_FEWEST_DOMAINS = 3
_DETOUR_TIMES, _DETOUR_NS = 2, 20 * NS_PER_MS
_MOST_EVIDENCE = 8
_TEXT = 200
_ROUND_TRIPS = {"TLSv1.3": 1, "TLSv1.2": 2}
"""Of a full handshake (RFC 8446 section 2, RFC 5246 section 7.3)."""


def redirections(ways: Sequence[WayChecked]) -> list[Finding]:
    """What is seen of redirection, the nearest first."""
    return [
        *_to_itself(ways),
        *_private(ways),
        *_local_proxies(ways),
        *_near(ways),
        *_proxy_chains(ways),
        *_tunnels(ways),
    ]


# On this host


def _to_itself(ways: Sequence[WayChecked]) -> Iterator[Finding]:
    caught = [way for way in ways if _is_redirected(way) and _reaches_itself(way)]
    if not caught:
        return
    lines = [
        f"{named(way.host)} resolves to {named(_address(way))} through {named(way.egress)}:"
        f" {_why_local(way)}"
        for way in caught
    ]
    yield Finding(
        concern=Concern.LOCAL,
        says=f"{hosts(caught)} lead to this host itself: a local proxy or filter stands in.",
        evidence=lines[:_MOST_EVIDENCE],
        remedy="Look for these names in the hosts file and for a filter, VPN or security agent that"
        " listens here (`ss -ltnp`); exempt the names there.",
        endpoints=_names(caught),
    )


def _is_redirected(way: WayChecked) -> bool:
    """Its name was looked up by us, and is not one of this host's own."""
    return not way.is_own and bool(way.addresses) and way.proxy is None


def _reaches_itself(way: WayChecked) -> bool:
    address = ip_or_none(_address(way))
    if address is None:
        return False
    return address.is_loopback or address.is_unspecified or way.leads.to_itself


def _why_local(way: WayChecked) -> str:
    address = ip_or_none(_address(way))
    if address is not None and address.is_loopback:
        return "a loopback address"
    if address is not None and address.is_unspecified:
        return "no address at all, as filters in DNS answer"
    return "an address of this host"


def _private(ways: Sequence[WayChecked]) -> Iterator[Finding]:
    """Where one egress has public addresses for a name, private ones through another stand out."""
    public = {way.endpoint for way in ways if any(_is_public(text) for text in way.addresses)}
    caught = [
        way
        for way in ways
        if _is_redirected(way)
        and way.endpoint in public
        and not _reaches_itself(way)
        and not any(_is_public(text) for text in way.addresses)
    ]
    if caught:
        lines = [f"{named(w.host)} is {listed(w.addresses)} through {w.egress}" for w in caught]
        yield Finding(
            concern=Concern.LOCAL,
            says=f"{hosts(caught)} resolve to private addresses, and to public ones elsewhere.",
            evidence=lines[:_MOST_EVIDENCE],
            remedy="A private link, split DNS, or a proxy of your network's own: ask which of them"
            " is meant to be there.",
            endpoints=_names(caught),
        )


def _local_proxies(ways: Sequence[WayChecked]) -> Iterator[Finding]:
    by_proxy: dict[str, list[WayChecked]] = defaultdict(list)
    for way in ways:
        address = ip_or_none(_address(way))
        if way.proxy is None or address is None:
            continue
        if address.is_loopback or way.leads.to_itself:
            by_proxy[way.proxy].append(way)
    for proxy, through in by_proxy.items():
        yield Finding(
            concern=Concern.LOCAL,
            says=f"The proxy {named(proxy)} listens on this host itself.",
            evidence=[f"what goes through it: {listed(_names(through))}"],
            remedy="What lies beyond it does not show from here: an agent that a PAC file or"
            f" HTTPS_PROXY points to may forward to another proxy. Have it exempt: {hosts(through)}"
            ", and check again without it (--direct).",
            endpoints=_names(through),
        )


# Nearby


def _near(ways: Sequence[WayChecked]) -> Iterator[Finding]:
    by_egress: dict[str, list[WayChecked]] = defaultdict(list)
    for way in ways:
        if _ends_nearby(way):
            by_egress[way.egress].append(way)
    for egress, caught in by_egress.items():
        lines = [_times(way) for way in caught]
        alike = _alike(caught)
        if alike:
            lines.insert(0, alike)
            says = f"Through {named(egress)} TCP ends nearby and not at the endpoints: {alike}."
        else:
            says = (
                f"Through {named(egress)} TCP seems to end nearer than TLS is answered"
                f" ({hosts(caught)}); a slow endpoint behind a near front looks the same."
            )
        yield Finding(
            concern=Concern.NEAR,
            says=says,
            evidence=lines[:_MOST_EVIDENCE],
            remedy="A transparent proxy or a service edge near here may take the connections: ask"
            f" whether one does, and for a bypass of: {hosts(caught)}.",
            endpoints=_names(caught),
        )


def _ends_nearby(way: WayChecked) -> bool:
    """By several measurements, each by a wide margin; never of an endpoint that is itself near."""
    measured = _measured(way)
    if way.is_own or way.proxy is not None or len(measured) < FEWEST_MEASUREMENTS:
        return False
    if not _is_public(_address(way)) or way.leads.to_itself or way.tls is None:
        return False
    trips = _ROUND_TRIPS.get(way.tls.version, 2)
    slowest_tcp = max(connect for connect, _ in measured)
    fastest_tls = min(tls for _, tls in measured) // trips
    return fastest_tls > NEAR_TIMES * slowest_tcp and fastest_tls > slowest_tcp + NEAR_NS


def _measured(way: WayChecked) -> list[tuple[int, int]]:
    both = ((tried.get("connect"), tried.get("tls")) for tried in (way.phases_ns, *way.again_ns))
    return [(connect, tls) for connect, tls in both if connect is not None and tls is not None]


def _times(way: WayChecked) -> str:
    pairs = ", ".join(
        f"{format_duration(connect)} / {format_duration(tls)}" for connect, tls in _measured(way)
    )
    return f"{named(way.host)}: TCP connect / TLS handshake took {pairs}"


def _alike(ways: Sequence[WayChecked]) -> str | None:
    """Whether unrelated endpoints at distinct addresses answer TCP in the same time."""
    least = {_domain(w.host): min(connect for connect, _ in _measured(w)) for w in ways}
    addresses = {_address(way) for way in ways}
    if len(least) < _FEWEST_DOMAINS or len(addresses) < _FEWEST_DOMAINS:
        return None
    low, high = min(least.values()), max(least.values())
    if high > max(low * _ALIKE_TIMES, low + _ALIKE_NS):
        return None
    return (
        f"endpoints of {len(least)} unrelated domains take TCP connections in the same time,"
        f" {format_duration(low)} to {format_duration(high)}"
    )


# Proxies behind proxies


def _proxy_chains(ways: Sequence[WayChecked]) -> Iterator[Finding]:
    """What a proxy says outside TLS; what is said inside it only where a box on the path ends it.

    Inside a TLS that no box ends, `Via` is the service's own front.
    """
    caught, lines = [], []
    for way in ways:
        said = _chain_signs(way)
        if said:
            caught.append(way)
            lines += [f"{named(way.endpoint)} through {named(way.egress)}: {one}" for one in said]
    if caught:
        yield Finding(
            concern=Concern.PROXY_CHAIN,
            says=f"More than one proxy stands on the path to {hosts(caught)}.",
            evidence=lines[:_MOST_EVIDENCE],
            remedy="Each proxy has timers and limits of its own, and the shortest one cuts: ask for"
            f" one hop, or none, to: {hosts(caught)}.",
            endpoints=_names(caught),
        )


def _chain_signs(way: WayChecked) -> list[str]:
    """Signs that the proxy which we know of, or the one who ends TLS, is not the only one."""
    signs: list[str] = []
    outside = dict(way.proxy_headers)
    if way.proxy is not None and way.failed is not None and way.failed.ending.phase == "proxy":
        outside |= way.failed.ending.evidence.headers
    signs += _beyond(outside, "the proxy's answer")
    if way.tls is not None and way.tls.intercepted and way.http is not None:
        signs += _beyond(way.http.headers, "the intercepted answer")
        # A known proxy that tunnels cannot write into TLS: who ends it is a second one.
        if way.proxy is not None and "via" in way.http.headers:
            signs.append(f"inside the tunnel, Via: {escaped(way.http.headers['via'], _TEXT)}")
    return signs


def _beyond(headers: dict[str, str], where: str) -> Iterator[str]:
    for name in ("via", "proxy-status"):
        value = headers.get(name, "")
        hops = [hop for hop in value.split(",") if hop.strip()]
        if len(hops) > 1:
            yield f"{where} names {len(hops)} hops, {name}: {escaped(value, _TEXT)}"
    for name in ("x-forwarded-for", "forwarded"):
        if headers.get(name):
            yield f"{where} repeats {name}: {escaped(headers[name], _TEXT)}"


# Through a VPN


def _tunnels(ways: Sequence[WayChecked]) -> Iterator[Finding]:
    through = [way for way in ways if way.leads.is_tunnel and not way.is_own]
    by_link: dict[tuple[str, str], list[WayChecked]] = defaultdict(list)
    for way in through:
        by_link[way.egress, way.leads.interface or "?"].append(way)
    for (egress, interface), caught in by_link.items():
        detours = [line for way in caught for line in _detour(way, ways)]
        words = named(caught[0].leads.words or "a tunnel")
        evidence = [
            f"the route to {named(w.dialled or w.host)} leaves from {named(w.leads.source or '?')}"
            for w in caught
        ]
        says = (
            f"Through {named(egress)} the path to {hosts(caught)} leads through {named(interface)}"
            f" ({words})"
        )
        says += ", and takes longer than the direct one: a hairpin." if detours else "."
        yield Finding(
            concern=Concern.TUNNEL,
            says=says,
            evidence=(detours + evidence)[:_MOST_EVIDENCE],
            remedy="Long-lived sessions share the fate of the VPN: each of its reconnects and"
            f" timers ends them. Ask for split tunnelling of: {hosts(caught)}.",
            endpoints=_names(caught),
        )


def _detour(way: WayChecked, ways: Sequence[WayChecked]) -> Iterator[str]:
    for other in ways:
        if other.endpoint != way.endpoint or other.leads.is_tunnel or other.egress == way.egress:
            continue
        ours, theirs = _least_connect(way), _least_connect(other)
        if ours is None or theirs is None:
            continue
        if ours > _DETOUR_TIMES * theirs and ours > theirs + _DETOUR_NS:
            yield (
                f"TCP to {named(way.host)} connects in {format_duration(ours)} through"
                f" {named(way.egress)} and in {format_duration(theirs)} through"
                f" {named(other.egress)}"
            )


def _least_connect(way: WayChecked) -> int | None:
    times = [tried["connect"] for tried in (way.phases_ns, *way.again_ns) if "connect" in tried]
    return min(times, default=None)


# To another site


def sites_of(ways: Sequence[WayChecked]) -> Sites:
    """Which addresses each endpoint's name has through each egress."""
    sites = Sites()
    for way in ways:
        if way.addresses:
            sites.looked_up(way.endpoint, way.egress, way.addresses)
        elif way.resolved_by is ResolvedBy.PROXY:
            sites.resolved_by_proxy(way.endpoint, way.egress)
    return sites


def sites_apart(found: SitesApart) -> Finding:
    """Two egresses may reach two sites."""
    return Finding(
        concern=Concern.SITES,
        says=sites_in_words(found),
        remedy="Pin the endpoint's address in a scenario before the two egresses are compared.",
        endpoints=[found.endpoint],
    )


# Words and numbers


def _names(ways: Iterable[WayChecked]) -> list[str]:
    return list(dict.fromkeys(way.endpoint for way in ways))


def _address(way: WayChecked) -> str:
    """The dialled address without its port; else the first that was found."""
    if way.dialled is not None:
        return way.dialled.rpartition(":")[0].strip("[]")
    return way.addresses[0] if way.addresses else ""


def _is_public(text: str) -> bool:
    address = ip_or_none(text)
    return address is not None and address.is_global


def _domain(host: str) -> str:
    """The last two labels: of co.uk and the like too few, and then no one is accused."""
    return ".".join(host.split(".")[-2:])
