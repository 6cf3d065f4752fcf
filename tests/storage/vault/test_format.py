"""The segment format against the library's own encryptor, and its readers against anything at all."""

import os

import pytest
from cryptography.cobblestone import Cobblestone256Decryptor, Cobblestone256Encryptor
from hypothesis import example, given
from hypothesis import strategies as st

from storage.ids import new_id
from storage.vault import format as layout
from storage.vault.errors import BadSegment
from storage.vault.format import CHUNK, PREFIX, SEALED_CHUNK, TAG, Codec, Layout, SegmentHeader, Shape
from storage.vault.random_access import ChunkReader

HEADER = SegmentHeader("main", new_id(), 3, Codec.S16LE, Layout.IN_OUT, 8000, 1_800_000_000_000_000, "node1")
LENGTHS = (0, 1, 15, 16, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 77)


def sealed(plaintext: bytes, dek: bytes, header: SegmentHeader = HEADER) -> bytes:
    context = header.encode()
    encryptor = Cobblestone256Encryptor(dek, context)
    return context + encryptor.update(plaintext) + encryptor.finalize()


def reader(data: bytes, dek: bytes, *, torn: bool = False) -> ChunkReader:
    return ChunkReader(dek, lambda at, length: data[at : at + length], len(data), "test", torn=torn)


def test_a_header_reads_as_it_was_written() -> None:
    data = HEADER.encode()
    assert layout.read_header(data + b"more", "test") == (HEADER, len(data))


@pytest.mark.parametrize("length", LENGTHS)
def test_what_the_library_sealed_the_reader_opens_anywhere(length: int) -> None:
    plaintext, dek = os.urandom(length), os.urandom(32)
    opened = reader(sealed(plaintext, dek), dek)
    assert opened.shape.plaintext == length
    assert opened.read(0, length + 99) == plaintext
    for start, count in ((0, 1), (length // 2, 50), (max(0, length - 3), 10), (length, 5), (CHUNK - 2, 4)):
        assert opened.read(start, count) == plaintext[start : start + count]


@pytest.mark.parametrize("length", LENGTHS)
def test_the_message_is_what_the_specification_says(length: int) -> None:
    plaintext, dek = os.urandom(length), os.urandom(32)
    data = sealed(plaintext, dek)
    message = data[len(HEADER.encode()) :]
    assert len(message) == PREFIX + length + (length // CHUNK + 1) * TAG
    decryptor = Cobblestone256Decryptor(dek, HEADER.encode())
    assert decryptor.update(message) + decryptor.finalize() == plaintext


@given(st.integers(0, 4 * CHUNK))
@example(3 * CHUNK)
def test_a_torn_segment_gives_its_whole_chunks_and_nothing_else(cut: int) -> None:
    plaintext, dek = bytes(range(256)) * 256, b"d" * 32
    start = len(HEADER.encode()) + PREFIX
    data = sealed(plaintext, dek)[: start + cut]
    opened = reader(data, dek, torn=True)
    assert opened.shape.full_chunks == cut // SEALED_CHUNK
    assert opened.read(0, len(plaintext)) == plaintext[: cut // SEALED_CHUNK * CHUNK]


@given(st.data())
def test_any_changed_byte_of_a_segment_is_found(data: st.DataObject) -> None:
    plaintext, dek = bytes(2 * CHUNK + 9), b"d" * 32
    whole = bytearray(sealed(plaintext, dek))
    place = data.draw(st.integers(0, len(whole) - 1))
    whole[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(BadSegment):
        reader(bytes(whole), dek).read(0, len(plaintext))


@given(st.integers(1, 2 * SEALED_CHUNK + TAG + 9))
def test_a_cut_segment_does_not_read_as_a_shorter_whole_one(cut: int) -> None:
    plaintext, dek = bytes(2 * CHUNK + 9), b"d" * 32
    data = sealed(plaintext, dek)[:-cut]
    opened = reader(data, dek)
    if opened.shape.complete:
        with pytest.raises(BadSegment):
            opened.read(0, len(plaintext))


def test_another_recordings_header_does_not_open() -> None:
    dek = b"d" * 32
    other = SegmentHeader("main", new_id(), 3, Codec.S16LE, Layout.IN_OUT, 8000, 1_800_000_000_000_000, "node1")
    data = other.encode() + sealed(b"said", dek)[len(HEADER.encode()) :]
    with pytest.raises(BadSegment, match="header was changed"):
        reader(data, dek)


@given(st.binary(max_size=200))
@example(b"HEEDSEG1\x00\x02{}")
@example(b"HEEDSEG1\xff\xff")
@example(HEADER.encode()[:-1])
@example(HEADER.encode().replace(b"main", b"MAIN"))
@example(HEADER.encode().replace(b'"segment":3', b'"segment":03'))
@example(HEADER.encode().replace(b'"version":1', b'"version":2'))
def test_the_header_reader_refuses_everything_else(data: bytes) -> None:
    with pytest.raises(BadSegment):
        layout.read_header(data, "test")


@given(st.binary(min_size=0, max_size=300), st.booleans())
def test_the_segment_reader_meets_any_bytes_with_an_error_of_ours(tail: bytes, torn: bool) -> None:
    with pytest.raises(BadSegment):
        reader(HEADER.encode() + tail, b"d" * 32, torn=torn)


@given(st.integers(PREFIX, PREFIX + 5 * SEALED_CHUNK))
def test_every_length_has_one_shape_and_every_shape_one_length(length: int) -> None:
    shape = layout.shape_of(length, "test")
    assert layout.message_bytes(shape) + shape.stray == length
    assert shape.stray < TAG
    for number in range(shape.chunks):
        offset, count = layout.chunk_span(number, shape)
        assert TAG <= count <= SEALED_CHUNK
        assert offset + count <= length
    with pytest.raises(IndexError):
        layout.chunk_span(shape.chunks, shape)


def test_lost_blocks_are_told_from_ciphertext() -> None:
    assert layout.looks_unwritten(os.urandom(8192) + bytes(4096) + os.urandom(4112))
    assert not layout.looks_unwritten(os.urandom(SEALED_CHUNK))
    assert Shape(2, None, 0).chunks == 2
