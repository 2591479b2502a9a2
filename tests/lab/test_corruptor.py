from hypothesis import given
from hypothesis import strategies as st

from stresser.lab.corruptor import RecordCorruptor


def record(body):
    return b"\x17\x03\x03" + len(body).to_bytes(2, "big") + body


@given(
    st.lists(st.binary(max_size=40), max_size=8),
    st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=8),
    st.integers(1, 60),
)
def test_the_first_whole_record_after_arming_is_spoilt_in_one_byte(before, after, step):
    first = b"".join(record(body) for body in before)
    second = b"".join(record(body) for body in after)
    corruptor = RecordCorruptor()
    passed = b""
    for data, armed in ((first, False), (second, True)):
        for start in range(0, len(data), step):
            passed += corruptor.pass_through(data[start : start + step], armed=armed)
    differing = [i for i, byte in enumerate(first + second) if passed[i] != byte]
    assert differing == [len(first) + 5]
    assert corruptor.done


def test_a_record_that_began_before_stays_whole():
    corruptor = RecordCorruptor()
    data = record(b"a" * 10)
    passed = corruptor.pass_through(data[:8], armed=False)
    passed += corruptor.pass_through(data[8:] + record(b"b"), armed=True)
    assert passed[:-1] == (data + record(b"b"))[:-1]
    assert passed[-1:] != b"b"


def test_nothing_is_spoilt_unarmed():
    corruptor = RecordCorruptor()
    data = record(b"abc") * 3
    assert corruptor.pass_through(data, armed=False) == data
    assert not corruptor.done
