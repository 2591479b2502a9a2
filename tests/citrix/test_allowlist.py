"""What is taken from an allowlist, what is counted, and that neither grows without bound."""

import pytest

from stresser.citrix.allowlist import MOST_VALUES, AllowlistError, Collector, Form
from stresser.citrix.allowlist_entry import Name
from stresser.citrix.allowlist_terms import PortRange, Terms, Traffic

S = Terms(section="s")


@pytest.fixture
def collector():
    return Collector(Form.VERSION_1, "acme1", "list.json")


def test_a_name_is_kept_once_with_all_its_sections(collector):
    for text, section in (("a.cloud.com", "One"), ("A.cloud.com.", "Two"), ("a.cloud.com", "One")):
        collector.take(text, (section, "AllowList", 0), Terms(section=section))
    [listed] = collector.found.names
    assert listed.entry == Name("a.cloud.com")
    assert listed.sections == ["One", "Two"]
    assert collector.found.duplicates == 2


def test_the_same_host_on_another_port_is_another_name(collector):
    collector.take("a.cloud.com", (), S)
    collector.take("a.cloud.com:8443", (), S)
    assert [one.entry.written for one in collector.found.names] == [
        "a.cloud.com",
        "a.cloud.com:8443",
    ]
    assert collector.found.duplicates == 0


def test_inbound_is_kept_apart(collector):
    for text in ("a.cloud.com", "192.0.2.0/24", "*.cloud.com", "a.cloud.com"):
        collector.take(text, (), Terms(direction=Traffic.INBOUND))
    collector.take("a.cloud.com", (), S)
    found = collector.found
    assert [one.written for one in found.inbound] == ["a.cloud.com", "192.0.2.0/24", "*.cloud.com"]
    assert [one.written for one in found.names] == ["a.cloud.com"]
    assert (found.networks, found.wildcards, found.duplicates) == ([], [], 1)


def test_what_is_not_understood_says_where_and_why(collector):
    collector.take("two words", ("Console", "AllowList", 7), S)
    assert collector.found.not_understood == [
        'Console.AllowList[7]: "two words" is not a host name'
    ]


def test_what_is_told_is_bounded_and_escaped_and_all_of_it_is_counted(collector):
    for number in range(5000):
        collector.not_understood((f"\x1b{number}", number), "\u202e" * 5000)
        collector.ignore(f"\x07{number}" + "k" * 500)
        collector.section_without_list("\n" * 100)
        collector.date(("\x1b" * 500, number), "2026-01-01")
    found = collector.found
    assert found.not_understood_count == 5000
    for texts in (found.not_understood, list(found.ignored), found.without_list, found.dates):
        assert len(texts) <= 200
        assert all(text.isprintable() and len(text) <= 2000 for text in texts)


def test_there_is_an_end_to_values(collector):
    for _ in range(MOST_VALUES):
        collector.count()
    with pytest.raises(AllowlistError, match=r"^list\.json: holds more than 50000 values"):
        collector.count()


def test_what_the_list_says_of_an_entry_is_kept_for_each_place_and_few_are_shown(
    collector,
):
    eu = Terms(section="A", ports=(PortRange("TCP", 443, 443),), regions=("eu",))
    for terms in (eu, eu, Terms(section="B"), Terms(section="A", regions=("us",))):
        collector.take("a.cloud.com", (), terms)
    [listed] = collector.found.names
    assert listed.sections == ["A", "B"]
    assert listed.ports == [PortRange("TCP", 443, 443)]
    assert listed.written == "a.cloud.com (TCP 443; regions eu | regions us)"
    for number in range(1000):
        collector.take("a.cloud.com", (), Terms(section=str(number)))
    assert len(listed.terms) == 1003
    for number in range(9):
        collector.take("a.cloud.com", (), Terms(notes=str(number)))
    assert listed.written.endswith("(TCP 443; regions eu | regions us | 0 | and 8 more)")


def test_both_directions_are_one_entry_in_each_list(collector):
    both = Terms(direction=Traffic.BOTH)
    collector.take("10.0.0.0/8", (), both)
    collector.take("10.0.0.0/8", (), both)
    found = collector.found
    assert [one.written for one in (*found.networks, *found.inbound)] == ["10.0.0.0/8"] * 2
    assert found.duplicates == 1
