import pytest
from rich.cells import cell_len

from stresser.analysis.words.lines import cells, fitted, shortened, wrapped

NAMES = ("plain", "Zürich", "日本語の名前", "e\u0301te\u0301", "한국어", "x" * 200, "🙂" * 40)


@pytest.mark.parametrize("text", NAMES)
def test_cells_are_counted_as_a_terminal_draws_them(text):
    assert cells(text) == cell_len(text)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("width", [8, 20])
def test_a_name_is_shortened_in_its_middle(name, width):
    short = shortened(name, width)
    assert cells(short) <= width
    assert short == name or (short[0] == name[0] and "…" in short and short[-1] == name[-1])


def test_a_name_that_fits_is_left_alone():
    assert shortened("connector", 9) == "connector"
    assert shortened("connector-fleet-eu-west-1", 20) == "connector-fle…west-1"


@pytest.mark.parametrize("text", [*NAMES, "one two  three", "a " * 99, "", "日本 " * 30])
@pytest.mark.parametrize("width", [2, 7, 61])
def test_no_line_is_wider_and_no_character_is_lost(text, width):
    lines = wrapped(text, width)
    assert max(map(cells, lines)) <= width
    assert "".join(lines).replace(" ", "") == "".join(text.split())


def test_sentences_are_added_as_long_as_they_fit():
    sentences = ["One is first.", "A second that is far too long for this room.", "Third."]
    assert fitted(sentences, 1, 25) == "One is first. Third."
    assert fitted(sentences, 3, 25) == " ".join(sentences)
    assert fitted(["One.", ("Two is far too long for it.", "2.", "ii.")], 1, 25) == "One. 2."
    assert fitted([], 1, 25) == ""


def test_only_a_first_sentence_without_room_is_cut():
    text = fitted(["word " * 50, "Second."], 2, 20)
    assert wrapped(text, 20) == ["word word word word", "word word word word…"]
