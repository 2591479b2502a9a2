import pytest
from hypothesis import given
from hypothesis import strategies as st

from stresser.model.evidence import Evidence
from stresser.model.location import head_with_place, place_of


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("https://login.example.net/", "https://login.example.net/"),
        ("https://anna:hunter2@login.example.net:8443/a/b?token=1#x", "https://login.example.net:8443/a/b"),
        ("http://a@b@c/x", "http://c/x"),
        ("http://a:p/w@host/", "http://a:p/w@host/"),
        (r"http:\\u:p@host\x?y", "http://host/x"),
        ("//u:p@host/x;jsessionid=1/y", "//host/x"),
        ("/login?next=/&token=1", "/login"),
        ("?token=1", ""),
        ("login", "login"),
        ("javascript:alert('x')", "javascript:"),
        ("data:text/html,secret", "data:"),
        ("https://[2001:db8::1]:443/p", "https://[2001:db8::1]:443/p"),
        ("https://host?token=1", "https://host"),
        ("", ""),
    ],
)  # fmt: skip
def test_scheme_host_and_path_are_kept(url, place):
    assert place_of(url) == place


@given(st.text())
def test_it_is_kept_as_it_is_the_second_time(url):
    assert place_of(place_of(url)) == place_of(url)


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        (r"Location: http://u:p@h/x?t=1\r\n", r"Location: http://h/x\r\n"),
        (r"location:http://h/x?t=secr", r"location:http://h/x"),
        (r"Location: http://user:secr", r"Location: http://"),
        (r"Content-Location: /x?y", r"Content-Location: /x?y"),
        (r"Server: x", r"Server: x"),
    ],
)
def test_first_bytes_of_a_head(line, kept):
    head = r"HTTP/1.1 302 Found\r\n"
    assert head_with_place(head + line) == head + kept


def test_evidence_holds_nothing_else_wherever_it_comes_from():
    headers = {"location": "https://u:p@h/x?t=1", "server": "s?"}
    evidence = Evidence(headers=headers, first_bytes=r"HTTP/1.1 302\r\nLocation: /x?t=1\r\n")
    assert evidence.headers == {"location": "https://h/x", "server": "s?"}
    assert evidence.first_bytes == r"HTTP/1.1 302\r\nLocation: /x\r\n"
