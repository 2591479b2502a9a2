import msgspec

from stresser.model.fresh_connection import FreshConnection, FreshResult


def test_a_look_is_recorded_and_read_back():
    look = FreshConnection(
        egress="vpn",
        endpoint="broker",
        remote="[2001:db8::1]:443",
        result=FreshResult.REFUSED,
        asked_ns=1,
        answered_ns=2,
        failure="connection_refused",
        ttl=54,
    )
    assert msgspec.convert(msgspec.to_builtins(look), FreshConnection) == look
