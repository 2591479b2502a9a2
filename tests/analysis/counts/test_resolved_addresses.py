"""Whether two egresses reach the same site, as far as look-ups tell."""

from stresser.analysis.counts.resolved_addresses import Sites, SitesApart, SitesInDoubt


def looked_up(*pairs):
    sites = Sites()
    for endpoint, egress, addresses in pairs:
        sites.looked_up(endpoint, egress, addresses)
    return sites


def test_the_same_answer_is_not_worth_a_word():
    sites = looked_up(("b", "direct", ["192.0.2.1"]), ("b", "vpn", ["192.0.2.1"]))
    assert sites.apart() == sites.in_doubt() == []


def test_answers_with_nothing_in_common_are_a_finding():
    sites = looked_up(
        ("broker", "direct", ["192.0.2.1", "192.0.2.2"]),
        ("other", "direct", ["192.0.2.1"]),
        ("broker", "vpn", ["198.51.100.7"]),
    )
    assert sites.apart() == [
        SitesApart("broker", ("direct", "vpn"), (("192.0.2.1", "192.0.2.2"), ("198.51.100.7",)))
    ]


def test_answers_that_overlap_are_none():
    """A name with many addresses is answered with some of them, in turn."""
    one, two = ["192.0.2.1", "192.0.2.2"], ["192.0.2.2", "192.0.2.3"]
    assert looked_up(("b", "direct", one), ("b", "vpn", two)).apart() == []


def test_look_ups_that_change_are_a_note():
    sites = looked_up(("b", "vpn", ["192.0.2.1"]), ("b", "vpn", ["192.0.2.1", "192.0.2.3"]))
    assert sites.in_doubt() == [SitesInDoubt("b", ("vpn",), 2)]
    assert sites.apart() == []


def test_what_a_proxy_looked_up_is_not_known():
    sites = looked_up(("b", "direct", ["192.0.2.1"]))
    sites.resolved_by_proxy("b", "proxy")
    sites.resolved_by_proxy("b", "proxy")
    sites.resolved_by_proxy("alone", "proxy")
    assert sites.in_doubt() == [SitesInDoubt("b", ("proxy",), 0)]


def test_it_does_not_grow_with_what_a_file_says():
    sites = Sites()
    for n in range(300):
        sites.looked_up("b", "e", [f"{n}.{m}" for m in range(10)])
    for n in range(11_000):
        sites.looked_up("b", f"e{n}", ["a"])
        sites.resolved_by_proxy(f"c{n}", "e")
    assert sum(map(len, sites._endpoints.values())) == 10_000
    assert len(sites._endpoints["b"]["e"].addresses) == 256
    assert len(sites.apart()) <= 20


def test_who_looks_up_once_more_and_hears_the_same_tells_no_news():
    """Each worker of a run has a first look-up of its own, and so has a run that was resumed."""
    one = ("b", "vpn", ["192.0.2.1", "192.0.2.2"])
    sites = looked_up(one, one, ("b", "vpn", ["192.0.2.2"]))
    assert sites.in_doubt() == []
    sites.looked_up("b", "vpn", ["192.0.2.3"])
    assert sites.in_doubt() == [SitesInDoubt("b", ("vpn",), 3)]
