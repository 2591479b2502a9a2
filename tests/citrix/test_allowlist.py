"""What is taken from an allowlist, what is counted, and that neither grows without bound."""

import pytest

from stresser.citrix.allowlist import MOST_VALUES, AllowlistError, Collector
from stresser.citrix.allowlist_entry import Name


@pytest.fixture
def collector():
    return Collector(1, "acme1", "list.json")


def test_a_name_is_kept_once_with_all_its_sections(collector):
    for text, section in (("a.cloud.com", "One"), ("A.cloud.com.", "Two"), ("a.cloud.com", "One")):
        collector.take(text, (section, "AllowList", 0), section)
    [listed] = collector.found.names
    assert listed.name == Name("a.cloud.com")
    assert listed.sections == ["One", "Two"]
    assert collector.found.duplicates == 2


def test_the_same_host_on_another_port_is_another_name(collector):
    collector.take("a.cloud.com", (), "s")
    collector.take("a.cloud.com:8443", (), "s")
    assert [one.name.written for one in collector.found.names] == [
        "a.cloud.com",
        "a.cloud.com:8443",
    ]
    assert collector.found.duplicates == 0


def test_inbound_is_kept_apart(collector):
    for text in ("a.cloud.com", "192.0.2.0/24", "*.cloud.com", "a.cloud.com"):
        collector.take(text, (), "s", is_inbound=True)
    collector.take("a.cloud.com", (), "s")
    found = collector.found
    assert found.inbound == ["a.cloud.com", "192.0.2.0/24", "*.cloud.com"]
    assert [one.name.host for one in found.names] == ["a.cloud.com"]
    assert (found.networks, found.wildcards, found.duplicates) == ([], [], 1)


def test_what_is_not_understood_says_where_and_why(collector):
    collector.take("two words", ("Console", "AllowList", 7), "Console")
    assert collector.found.not_understood == [
        'Console.AllowList[7]: "two words" is not a host name'
    ]


def test_what_is_told_is_bounded_and_escaped_and_all_of_it_is_counted(collector):
    for number in range(5000):
        collector.not_understood((f"\x1b{number}", number), "\u202e" * 5000)
        collector.ignore(f"\x07{number}" + "k" * 500)
        collector.section_without_list("\n" * 100)
    found = collector.found
    assert found.not_understood_count == 5000
    for texts in (found.not_understood, list(found.ignored), found.without_list):
        assert len(texts) <= 200
        assert all(text.isprintable() and len(text) <= 2000 for text in texts)


def test_there_is_an_end_to_values(collector):
    for _ in range(MOST_VALUES):
        collector.count()
    with pytest.raises(AllowlistError, match=r"^list\.json: holds more than 50000 values"):
        collector.count()
