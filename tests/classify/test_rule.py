"""A proxy's own will, and its news of what lies behind it."""

import pytest

from tests.classify.cases import case

# What squid, tinyproxy, Apache, ncat, mitmproxy, dante and microsocks say of a dead origin, and
# what they say when they do not want to.
OWN_WILL = [
    *[(f"proxy_http_{status}", status) for status in (302, 400, 401, 403, 404, 405, 407, 429)],
    ("socks_connection_not_allowed", 2),
    ("socks_command_not_supported", 7),
    ("socks_authentication_failed", 1),
    ("socks_authentication_required", 0xFF),
]
NEWS = [
    *[(f"proxy_http_{status}", status) for status in (500, 502, 503, 504)],
    ("socks_server_failure", 1),
    ("socks_network_unreachable", 3),
    ("socks_host_unreachable", 4),
    ("socks_connection_refused", 5),
    ("socks_ttl_expired", 6),
    ("http_request_failed", 403),
    (None, None),
]


@pytest.mark.parametrize(("failure", "status"), OWN_WILL)
def test_a_refusal_of_the_proxys_own(failure, status):
    assert case("proxy_error", failure=failure, status=status).proxy_decided


@pytest.mark.parametrize(("failure", "status"), NEWS)
def test_news_of_the_far_side(failure, status):
    assert not case("proxy_error", failure=failure, status=status).proxy_decided
