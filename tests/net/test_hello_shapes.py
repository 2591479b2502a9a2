"""Hellos that differ in one thing each: in that one thing."""

import ssl

import pytest

from stresser.model.client_hello import HelloKind
from stresser.model.hello_tried import HelloShape
from stresser.net import hello_shapes
from stresser.net.hello_bytes import HelloNotMadeError, hello_of
from stresser.net.hello_shapes import OPTIONS, HelloShapes

S = HelloShape
NAMES = ["a.example", "broker.example.net", "b" * 60 + "." + "c" * 60 + ".example.net"]
PATH = 1448


def shapes(name="broker.example.net", alpn=(), segment=PATH):
    return HelloShapes(name, alpn, segment)


def segments_of(made):
    """In how many it goes out, and in which its name ends, with timestamps."""
    segment = PATH if made.max_segment is None else made.max_segment - OPTIONS
    return made.facts.sent(segment).segments, made.facts.name_segment(segment)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("shape", "segments", "of_name"),
    [
        (S.CLASSIC, {1}, 1),
        (S.CAPPED, {1}, 1),
        (S.SPLIT, {2}, 1),
        (S.LONG, {2}, 1),
        (S.HYBRID_NAME_LAST, {2}, 2),
        (S.HYBRID_SPLIT, {3}, 3),
        (S.TLS_1_2, {1}, 1),
        (S.NO_NAME, {1}, None),
        (S.OTHER_NAME, {1}, 1),
        (S.OTHER_ALPN, {1}, 1),
    ],
)
def test_segments(name, shape, segments, of_name):
    made = shapes(name).make(shape)
    assert segments_of(made)[0] in segments
    assert segments_of(made)[1] == of_name


@pytest.mark.parametrize("name", NAMES)
def test_a_name_wholly_behind_the_first_segment(name):
    made = shapes(name).make(S.SPLIT_NAME)
    assert made.facts.name_at >= made.max_segment - OPTIONS
    assert made.facts.kind is HelloKind.CLASSIC
    assert made.facts.size < PATH


@pytest.mark.parametrize("name", [*NAMES, "ab.c", "abcdefgh", "abcdefghi"])
def test_another_name_has_the_same_layout(name):
    ours, other = shapes(name).make(S.CLASSIC), shapes(name).make(S.OTHER_NAME)
    assert other.server_name != name
    assert other.server_name.endswith(".invalid")
    assert all(0 < len(label) < 64 for label in other.server_name.split("."))
    if len(name) > len(".invalid"):
        assert other.facts == ours.facts
        assert len(hello_of(other.context, other.server_name)) == ours.facts.size


def test_kinds():
    for shape in HelloShape:
        if shape is not S.HYBRID or ssl.OPENSSL_VERSION_INFO >= (3, 5):
            kind = HelloKind.HYBRID if "hybrid" in shape else HelloKind.CLASSIC
            assert shapes().make(shape).facts.kind is kind


def test_alpn_stays_the_endpoints_first():
    plain = shapes(alpn=("mqtt",)).make(S.CLASSIC)
    for shape in (S.LONG, S.SPLIT, S.NO_NAME):
        made = shapes(alpn=("mqtt",)).make(shape)
        assert b"\x04mqtt" in hello_of(made.context, made.server_name)
    other = shapes(alpn=("mqtt",)).make(S.OTHER_ALPN)
    assert b"\x02h2\x08http/1.1" in hello_of(other.context, other.server_name)
    assert plain.facts.size <= 600


def test_where_segments_are_huge_they_are_bounded_to_what_paths_have():
    """Over loopback and in jumbo frames all would fit into one."""
    for shape in (S.CLASSIC, S.LONG, S.HYBRID_NAME_LAST, S.OTHER_NAME):
        assert shapes(segment=65483).make(shape).max_segment == PATH + OPTIONS
    assert segments_of(shapes(segment=65483).make(S.LONG)) == (2, 1)


def test_where_segments_are_small_an_answer_cannot_be_capped():
    with pytest.raises(HelloNotMadeError, match="no longer than that"):
        shapes(segment=448).make(S.CAPPED)


@pytest.mark.parametrize("shape", [S.SPLIT_NAME, S.OTHER_NAME])
def test_an_address_has_no_name_to_move(shape):
    with pytest.raises(HelloNotMadeError, match="there is no name"):
        shapes("192.0.2.1").make(shape)


def test_what_no_library_makes_is_said(monkeypatch):
    monkeypatch.setattr(hello_shapes, "newer_context", lambda _profile: None)
    if ssl.OPENSSL_VERSION_INFO < (3, 5):
        with pytest.raises(HelloNotMadeError, match="puts the name last"):
            shapes().make(S.HYBRID)
