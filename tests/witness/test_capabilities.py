"""What a machine can witness is what its witnesses say when they are asked."""

import sys

from stresser.witness.capabilities import capabilities
from stresser.witness.clock import suspended_ns
from stresser.witness.tcp_info import sample_tcp_info
from tests.net.peers import tcp_pair


def test_what_is_claimed_works():
    near, far = tcp_pair()
    with near, far:
        claimed = capabilities()
        assert claimed["tcp_info"] == (sample_tcp_info(near) is not None)
    assert claimed["suspend"] == (suspended_ns() is not None)
    assert all(isinstance(value, bool) for value in claimed.values())


def test_linux_witnesses_both():
    if sys.platform == "linux":
        assert all(capabilities().values())
