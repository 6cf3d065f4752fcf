import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.number import Number
from storage.errors import SealBroken
from storage.numbers import NumberKeys

KEYS = NumberKeys(b"l" * 32, b"s" * 32)
NUMBERS = st.from_regex(r"\+[1-9][0-9]{6,14}", fullmatch=True).map(Number)


@given(NUMBERS)
def test_a_sealed_number_opens_in_its_own_row_only(number: Number) -> None:
    sealed = KEYS.seal(number, "party:A")
    assert KEYS.open(sealed, "party:A") == number
    assert number.e164.encode() not in sealed
    with pytest.raises(SealBroken):
        KEYS.open(sealed, "party:B")


@given(NUMBERS, st.data())
def test_a_changed_byte_does_not_open(number: Number, data: st.DataObject) -> None:
    sealed = bytearray(KEYS.seal(number, "dnc:A"))
    sealed[data.draw(st.integers(0, len(sealed) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(SealBroken):
        KEYS.open(bytes(sealed), "dnc:A")


@pytest.mark.parametrize("cut", [0, 5, 12, 20])
def test_a_cut_seal_does_not_open(cut: int) -> None:
    with pytest.raises(SealBroken):
        KEYS.open(KEYS.seal(Number("+12125550123"), "dnc:A")[:cut], "dnc:A")


@given(NUMBERS, NUMBERS)
def test_the_look_up_hash_tells_numbers_apart_and_needs_its_key(one: Number, other: Number) -> None:
    assert (KEYS.lookup_hash(one) == KEYS.lookup_hash(other)) == (one == other)
    assert NumberKeys(b"x" * 32, b"s" * 32).lookup_hash(one) != KEYS.lookup_hash(one)


def test_bad_keys_are_refused_and_keys_do_not_print() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        NumberKeys(b"short", b"s" * 32)
    with pytest.raises(ValueError, match="differ"):
        NumberKeys(b"s" * 32, b"s" * 32)
    assert "ssss" not in repr(KEYS)
