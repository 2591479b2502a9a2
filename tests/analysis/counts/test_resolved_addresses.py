"""Whether two egresses reach the same site, as far as look-ups tell."""

from stresser.analysis.counts.resolved_addresses import Sites


def looked_up(*ways):
    sites = Sites()
    for endpoint, egress, addresses in ways:
        sites.looked_up(endpoint, egress, addresses)
    return sites


def test_the_same_answer_is_not_worth_a_word():
    sites = looked_up(("b", "direct", ["192.0.2.1"]), ("b", "vpn", ["192.0.2.1"]))
    assert sites.findings() == sites.notes() == []


def test_answers_with_nothing_in_common_are_a_finding():
    sites = looked_up(
        ("broker", "direct", ["192.0.2.1", "192.0.2.2"]),
        ("other", "direct", ["192.0.2.1"]),
        ("broker", "vpn", ["198.51.100.7"]),
    )
    (finding,) = sites.findings()
    assert finding == (
        "broker resolved to 192.0.2.1, 192.0.2.2 through direct and to 198.51.100.7 through vpn:"
        " the two may reach different sites."
    )


def test_answers_that_overlap_are_none():
    """A name with many addresses is answered with some of them, in turn."""
    one, two = ["192.0.2.1", "192.0.2.2"], ["192.0.2.2", "192.0.2.3"]
    assert looked_up(("b", "direct", one), ("b", "vpn", two)).findings() == []


def test_look_ups_that_change_are_a_note():
    sites = looked_up(("b", "vpn", ["192.0.2.1"]), ("b", "vpn", ["192.0.2.1", "192.0.2.3"]))
    (note,) = sites.notes()
    assert note.startswith("Look-ups of b through vpn did not all give the same addresses (2")
    assert sites.findings() == []


def test_what_a_proxy_looked_up_is_not_known():
    sites = looked_up(("b", "direct", ["192.0.2.1"]))
    sites.resolved_by_proxy("b", "proxy")
    sites.resolved_by_proxy("b", "proxy")
    sites.resolved_by_proxy("alone", "proxy")
    (note,) = sites.notes()
    assert note.startswith("Through proxy the proxy looked b up")


def test_long_lists_are_cut_and_texts_escaped():
    many = [f"192.0.2.{n}" for n in range(9)]
    sites = looked_up(("b\x1b[2J", "direct", many), ("b\x1b[2J", "vpn", ["\x1b]0;x"]))
    (line,) = sites.findings()
    assert "192.0.2.2 and 6 more through direct" in line
    assert "\x1b" not in line


def test_it_does_not_grow_with_what_a_file_says():
    sites = Sites()
    for n in range(300):
        sites.looked_up("b", "e", [f"{n}.{m}" for m in range(10)])
    for n in range(11_000):
        sites.looked_up("b", f"e{n}", ["a"])
        sites.resolved_by_proxy(f"c{n}", "e")
    ways = sum(len(ways) for ways in sites._endpoints.values())
    assert ways == 10_000
    assert len(sites._endpoints["b"]["e"].addresses) == 256
    assert len(sites.findings()) <= 20
