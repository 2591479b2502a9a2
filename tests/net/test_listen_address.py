"""`ADDRESS:PORT` as a command line says it."""

import pytest

from stresser.net.listen_address import ListenAddress


@pytest.mark.parametrize(
    ("written", "default", "read", "is_loopback"),
    [
        ("127.0.0.1:9464", "", ("127.0.0.1", 9464), True),
        ("[::1]:0", "", ("::1", 0), True),
        ("localhost:1", "", ("localhost", 1), True),
        ("0.0.0.0:65535", "", ("0.0.0.0", 65535), False),  # noqa: S104 - to be warned about
        ("[::]:9464", "127.0.0.1", ("::", 9464), False),
        ("probe.example.net:443", "", ("probe.example.net", 443), False),
        (":9464", "127.0.0.1", ("127.0.0.1", 9464), True),
        ("9464", "127.0.0.1", ("127.0.0.1", 9464), True),
    ],
)
def test_an_address_is_read(written, default, read, is_loopback):
    found = ListenAddress.parse(written, default)
    assert (found, found.is_loopback) == (read, is_loopback)


@pytest.mark.parametrize(
    "written", ["", ":", "host", "host:", "host:port", "host:-1", "h:65536", "h:1.5", "h:٣", ":443"]
)
def test_what_is_none_is_refused_with_an_example(written):
    with pytest.raises(ValueError, match=r"write ADDRESS:PORT, as in 0\.0\.0\.0:443"):
        ListenAddress.parse(written)
