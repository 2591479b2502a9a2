import msgspec
import pytest

from stresser.analysis.views import drop_table
from stresser.analysis.views.drop_table import DropTable, NumberLists
from stresser.model.ending import Kind
from tests.analysis.hostile_story import hostile_story
from tests.analysis.story import VPN, Story


def columns_of(story, incident_of=None):
    table = DropTable()
    for event in story.events:
        table.event(event)
    table.number_incidents((incident_of or {}).items())
    return table.columns


def test_a_drop_has_its_columns_and_its_card():
    story = Story([VPN], 2)
    first, second = story.opens(VPN, 1), story.opens(VPN, 1)
    story.drops(first, 10, idle=4, evidence={"why": ["no-such-rule"]}, raw="[Errno 104]")
    story.drops(second, 20, Kind.SILENCE, idle=8)
    columns = columns_of(story, {first: 7})
    text = columns.texts.__getitem__
    assert list(columns.session) == [first, second]
    assert list(columns.incident) == [7, 0]
    assert list(columns.is_dated) == [1, 0]
    assert (columns.age_us[0], columns.idle_us[0]) == (9_000_000, 4_000_000)
    assert (columns.alive_us[1], columns.dead_us[1]) == (12_000_000, 20_000_000)
    assert [text(place) for place in columns.kind_text] == ["tcp_reset", "silence"]
    card = [text(place) for place in columns.card[0]]
    told = dict(zip(card[::2], card[1::2], strict=True))
    assert told["why"].startswith("no-such-rule")
    assert told["raw error"] == "[Errno 104]"


def test_lists_of_numbers_are_read_as_lists():
    lists = NumberLists()
    for numbers in ([1, 2], [], [3]):
        lists.append(numbers)
    assert (list(lists), lists[-1], lists[1:]) == ([[1, 2], [], [3]], [3], [[], [3]])
    with pytest.raises(IndexError):
        _ = lists[3]


def test_what_is_no_drop_is_not_listed():
    story = Story([VPN], 3)
    for kind in (Kind.HOST_SLEPT, Kind.TOOL):
        story.drops(story.opens(VPN, 1), 5, kind)
    story.ends_as_planned(story.opens(VPN, 1), 50)
    assert not columns_of(story).session


def test_rows_and_texts_are_bounded_and_what_is_missing_is_counted(monkeypatch):
    monkeypatch.setattr(drop_table, "MOST_DROPS", 3)
    monkeypatch.setattr(drop_table, "MOST_TEXT", 200)
    story = Story([VPN], 5)
    for n in range(5):
        story.drops(story.opens(VPN, 1), 10 + n, raw=f"{n}" * 90)
    columns = columns_of(story)
    assert (len(columns.session), columns.more) == (3, 2)
    assert columns.without_card > 0
    assert len(columns.card) == 3


def test_texts_are_kept_once_and_hold_no_control_characters():
    columns = columns_of(hostile_story())
    assert len(set(columns.texts)) == len(columns.texts)
    assert all(text.isprintable() for text in columns.texts)


def test_a_night_of_drops_is_small():
    story = Story([VPN], 1000)
    for n in range(1000):
        story.drops(
            story.opens(VPN, 1 + n / 7), 200 + n / 3, raw="ConnectionResetError: [Errno 104]"
        )
    assert (
        len(msgspec.json.encode(columns_of(story), enc_hook=list)) < 300_000
    )  # 10,000: below 3 MB
