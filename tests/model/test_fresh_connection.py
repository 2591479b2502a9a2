import msgspec

from stresser.model.fresh_connection import Look, LookResult


def test_a_look_is_recorded_and_read_back():
    look = Look(
        egress="vpn",
        endpoint="broker",
        remote="[2001:db8::1]:443",
        result=LookResult.REFUSED,
        asked_ns=1,
        answered_ns=2,
        failure="connection_refused",
        ttl=54,
    )
    assert msgspec.convert(msgspec.to_builtins(look), Look) == look
