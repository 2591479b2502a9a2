"""Which chain came through every egress."""

from stresser.model.shared_chains import SharedChains


def seen(*pairs):
    shared = SharedChains()
    for egress, chain in pairs:
        shared.saw(egress, chain)
    return shared


def test_one_egress_shares_with_nobody():
    assert not seen(("direct", "a"), ("direct", "a")).is_shared("a")
    assert not seen().is_shared("a")


def test_every_egress_must_show_it():
    shared = seen(("direct", "a"), ("vpn", "a"), ("vpn", "b"))
    assert shared.is_shared("a")
    assert not shared.is_shared("b")
    shared.saw("proxy", "b")
    assert not shared.is_shared("a")
    assert shared.egresses == ("direct", "vpn", "proxy")


def test_memory_is_bounded_and_what_has_no_room_is_not_shared():
    shared = seen(*(("direct", f"c{n}") for n in range(1000)), ("vpn", "c999"))
    assert not shared.is_shared("c999")
    many = seen(*((f"e{n}", "a") for n in range(1000)))
    assert len(many.egresses) == 256
