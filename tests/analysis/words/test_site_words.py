from stresser.analysis.counts.resolved_addresses import SitesApart, SitesInDoubt
from stresser.analysis.words.site_words import sites_in_words


def test_two_sites():
    found = SitesApart("broker", ("direct", "vpn"), (("192.0.2.1", "192.0.2.2"), ("198.51.100.7",)))
    assert sites_in_words(found) == (
        "broker resolved to 192.0.2.1, 192.0.2.2 through direct and to 198.51.100.7 through vpn:"
        " the two may reach different sites."
    )


def test_what_leaves_it_open():
    assert sites_in_words(SitesInDoubt("b", ("vpn",), 2)) == (
        "Look-ups of b through vpn did not all give the same addresses (2 in all), so sessions may"
        " have reached different sites."
    )
    assert sites_in_words(SitesInDoubt("b", ("a", "c"), 0)) == (
        "Through a, c the proxy looked b up: whether it reaches the same site as the other egresses"
        " is not known."
    )


def test_long_lists_are_cut_and_texts_escaped():
    many = tuple(f"192.0.2.{n}" for n in range(9))
    line = sites_in_words(SitesApart("b\x1b[2J", ("direct", "vpn"), (many, ("\x1b]0;x",))))
    assert "192.0.2.2 and 6 more through direct" in line
    assert "\x1b" not in line
