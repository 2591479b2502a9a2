import pytest

from stresser.reflector.admission import Admission, network_of


@pytest.mark.parametrize(
    ("host", "place"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:aaaa:bbbb:cccc:dddd", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
    ],
)
def test_one_host_has_one_place(host, place):
    assert network_of(host) == place


def test_strangers_of_one_address_are_limited_and_others_are_not():
    door = Admission(most_strangers=2)
    assert [door.enter("a"), door.enter("a"), door.enter("a"), door.enter("b")] == [
        True, True, False, True,
    ]  # fmt: skip
    assert door.refused == 1


def test_a_guest_makes_room():
    door = Admission(most_strangers=1)
    assert door.enter("a")
    door.prove("a")
    assert door.enter("a")
    door.leave("a", proved=True)
    door.leave("a", proved=False)
    assert door.enter("a")


def test_all_are_limited():
    door = Admission(most=2, most_strangers=9)
    assert [door.enter("a"), door.enter("b"), door.enter("c")] == [True, True, False]
    door.leave("a", proved=False)
    assert door.enter("c")


def test_strangers_of_many_addresses_leave_room_for_guests():
    door = Admission(most=10, most_unproved=2)
    assert [door.enter(address) for address in "abc"] == [True, True, False]
    door.prove("a")
    assert door.enter("c")
