import msgspec

from stresser.model.far_end import FarEnd


def test_what_is_not_known_is_not_written():
    far = FarEnd(within_ns=1, known_until_ns=2, peer="x")
    assert msgspec.to_builtins(far) == {"within_ns": 1, "known_until_ns": 2, "peer": "x"}
