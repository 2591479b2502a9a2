"""Two sides that know the token, and somebody in between who does not."""

import pytest

from stresser.model.faults import ProtocolViolation
from stresser.net.sealed_lines import LONGEST_LINE, SealedLines
from stresser.scenario.secrets import Secret

TOKEN = Secret("T", "correct horse battery staple")
NONCE = "ab" * 12


def sides(token=TOKEN, nonce=NONCE):
    tester = SealedLines(TOKEN, NONCE, is_tester=True)
    return tester, SealedLines(token, nonce, is_tester=False)


def test_lines_arrive_in_order_however_they_are_cut():
    tester, reflector = sides()
    sent = b"".join(tester.sealed(b'{"n":%d}' % number) for number in range(3))
    heard = [one for at in range(len(sent)) for one in reflector.opened(sent[at : at + 1])]
    assert heard == [b'{"n":0}', b'{"n":1}', b'{"n":2}']
    assert tester.opened(reflector.sealed(b"{}")) == [b"{}"]


def altered(lines):
    return [lines[0].replace(b"{}", b"[]")]


def left_out(lines):
    return lines[1:]


def repeated(lines):
    return [lines[0], lines[0]]


@pytest.mark.parametrize("tamper", [altered, left_out, repeated])
def test_what_somebody_in_between_does_ends_it(tamper):
    tester, reflector = sides()
    lines = [tester.sealed(b"{}"), tester.sealed(b"{}")]
    with pytest.raises(ProtocolViolation, match="does not prove"):
        reflector.opened(b"".join(tamper(lines)))


def test_an_echo_is_no_answer():
    tester, _ = sides()
    with pytest.raises(ProtocolViolation, match="does not prove"):
        tester.opened(tester.sealed(b"{}"))


@pytest.mark.parametrize(
    "other", [{"token": Secret("T", "another token altogether")}, {"nonce": "cd" * 12}]
)
def test_another_token_or_session_proves_nothing(other):
    tester, reflector = sides(**other)
    with pytest.raises(ProtocolViolation, match="does not prove"):
        reflector.opened(tester.sealed(b"{}"))


def test_a_line_without_end_is_not_kept_for_ever():
    _, reflector = sides()
    assert reflector.opened(b"x" * LONGEST_LINE) == []
    with pytest.raises(ProtocolViolation, match="too long"):
        reflector.opened(b"x")
