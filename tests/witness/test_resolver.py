"""resolv.conf as it is read, and what counts as another resolver."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stresser.model.path_change import PathChange
from stresser.witness.resolver import ResolverFacts, ResolverWatch, parse_resolver


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("", ResolverFacts()),
        ("nameserver 192.0.2.53\n", ResolverFacts(("192.0.2.53",))),
        (
            "# made by a VPN\nsearch corp.example\n nameserver 10.8.0.1\nnameserver 2001:db8::53\n",
            ResolverFacts(("10.8.0.1", "2001:db8::53"), ("corp.example",)),
        ),
        ("domain a.example\nsearch b.example c\n", ResolverFacts((), ("b.example", "c"))),
        ("nameserver\noptions edns0\n", ResolverFacts()),
        ("nameserver a\x1b[2Jb\n", ResolverFacts(("a\\x1b[2Jb",))),
    ],
)  # fmt: skip
def test_what_a_file_says(text, facts):
    assert parse_resolver(text) == facts


@given(st.text())
def test_any_text_is_read_and_bounded(text):
    facts = parse_resolver(text)
    assert len(facts.servers) <= 12
    assert len(facts.search) <= 12


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "resolv.conf"
    path.write_text("nameserver 192.0.2.53\n")
    return path


def replace(path, text):
    """As the daemons do it: written beside, renamed."""
    beside = path.with_suffix(".new")
    beside.write_text(text)
    beside.rename(path)


def test_another_server_is_a_change_told_once(file):
    watch = ResolverWatch((file,))
    assert watch.is_available
    assert watch.look() == []
    replace(file, "nameserver 10.8.0.1\nsearch corp.example\n")
    (change,) = watch.look()
    assert change.change is PathChange.RESOLVER_CHANGED
    assert change.detail == f"{file}: 192.0.2.53 -> 10.8.0.1; search corp.example"
    assert watch.look() == []


def test_the_same_servers_in_a_new_file_are_no_change(file):
    watch = ResolverWatch((file,))
    replace(file, "# renewed\nnameserver 192.0.2.53\n")
    assert watch.look() == []


def test_a_file_that_goes_and_comes(file):
    watch = ResolverWatch((file,))
    file.unlink()
    (gone,) = watch.look()
    assert gone.detail.endswith("192.0.2.53 -> no file")
    file.write_text("nameserver 192.0.2.54\n")
    (back,) = watch.look()
    assert back.detail.endswith("no file -> 192.0.2.54")


def test_a_link_to_another_file_is_followed(tmp_path, file):
    other, link = tmp_path / "other", tmp_path / "link"
    other.write_text("nameserver 10.8.0.1\n")
    link.symlink_to(file)
    watch = ResolverWatch((link,))
    link.unlink()
    link.symlink_to(other)
    assert len(watch.look()) == 1


def test_where_there_is_no_file(tmp_path):
    watch = ResolverWatch((tmp_path / "none",))
    assert not watch.is_available
    assert watch.look() == []


def test_a_huge_file_is_read_in_part(file):
    watch = ResolverWatch((file,))
    file.write_bytes(b"nameserver 10.8.0.1\n" + os.urandom(1 << 20))
    (change,) = watch.look()
    assert "10.8.0.1" in change.detail
