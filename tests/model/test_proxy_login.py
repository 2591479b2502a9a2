"""The login's words, as a run folder holds them."""

import msgspec

from stresser.model.proxy_login import LoginTrouble, ProxyAuth, ProxyLogin


def test_the_strongest_comes_first():
    assert [*ProxyAuth] == ["negotiate", "ntlm", "digest", "basic"]


def test_an_account_is_read_back_as_it_was_written():
    whole = ProxyLogin(
        trouble=LoginTrouble.NO_TICKET,
        offered=("Negotiate", "NTLM"),
        tried=ProxyAuth.NEGOTIATE,
        service="HTTP/proxy.example.net",
        said="No credentials",
    )
    for one in (whole, ProxyLogin(trouble=LoginTrouble.CUT, offered=())):
        assert msgspec.json.decode(msgspec.json.encode(one), type=ProxyLogin) == one
