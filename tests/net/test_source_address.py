"""The kernel's own answer to where a packet would leave from; nothing is sent."""

import socket

import pytest

from stresser.net.dial import Binding
from stresser.net.resolve import Address
from stresser.net.source_address import (
    has_route,
    is_own_address,
    own_addresses,
    source_towards,
)

LOOPBACK = Address(socket.AF_INET, ("127.0.0.1", 443))


def test_loopback_is_reached_from_loopback():
    assert source_towards(LOOPBACK, Binding()) == "127.0.0.1"
    assert is_own_address(LOOPBACK)


def test_a_chosen_source_is_kept():
    assert source_towards(LOOPBACK, Binding(source="127.0.0.5")) == "127.0.0.5"


@pytest.mark.parametrize(
    ("address", "binding"),
    [
        (LOOPBACK, Binding(source="192.0.2.77")),
        (LOOPBACK, Binding(device="nosuch0")),
        (LOOPBACK, Binding(source="::1")),
    ],
)
def test_no_way_is_none(address, binding):
    assert source_towards(address, binding) is None


def test_an_address_of_somebody_else_is_not_ours():
    assert not is_own_address(Address(socket.AF_INET, ("192.0.2.1", 443)))


def test_a_host_with_a_default_route_has_one():
    families = {socket.AF_INET: ("192.0.2.1", 9), socket.AF_INET6: ("2001:db8::1", 9)}
    reached = []
    for family, where in families.items():
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            reached.append(sock.connect_ex(where) == 0)
    assert has_route() is any(reached)


def test_own_addresses_are_those_towards_other_networks():
    found = own_addresses(Binding(source="127.0.0.9"))
    assert found in ([], ["127.0.0.9"])  # loopback leads nowhere else, on most systems
    assert own_addresses(Binding(source="192.0.2.77")) == []
    assert all(one and "%" not in one for one in own_addresses(Binding()))
