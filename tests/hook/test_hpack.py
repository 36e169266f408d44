# SPDX-License-Identifier: Apache-2.0
"""Header blocks, against the library of the same name."""

from __future__ import annotations

import random

import hpack
import pytest

from hook.frames import block
from tetragon_core.errors import ConnectionFailedError
from tetragon_crio_hook.hpack import decode, encode

HEADERS = (
    (":status", "200"),
    ("content-type", "application/grpc"),
    ("grpc-status", "9"),
    ("grpc-message", "cgroup /a is not there: %C3%A4"),
)


def test_what_is_encoded_reads_back() -> None:
    """Literals of every length, with no entry for a table."""
    headers = tuple(
        (f"name-{length}", "v" * length) for length in (0, 1, 126, 127, 128, 300, 20000)
    )

    decoder = hpack.Decoder()
    decoder.max_header_list_size = 2**20
    found = [(str(name), str(value)) for name, value in decoder.decode(encode(headers))]
    assert list(headers) == found


@pytest.mark.parametrize("huffman", [False, True])
def test_decodes_what_servers_send(*, huffman: bool) -> None:
    """Plain and Huffman texts, indexed names and statuses, after a table's end."""
    found = decode(b"\x20" + block(*HEADERS, huffman=huffman))

    assert ("200", "9", "cgroup /a is not there: %C3%A4") == (
        found[":status"],
        found["grpc-status"],
        found["grpc-message"],
    )


def test_every_byte_has_its_huffman_code() -> None:
    """All bytes in one value."""
    text = "".join(map(chr, range(256)))
    encoder = hpack.Encoder()
    encoder.header_table_size = 0
    packed = encoder.huffman_coder.encode(text.encode("latin-1"))
    head = encode((("k", "x" * len(packed)),))[: -len(packed)]
    length_at = len(encode((("k", ""),))) - 1

    found = decode(
        head[:length_at] + bytes((head[length_at] | 0x80,)) + head[length_at + 1 :] + packed
    )

    assert {"k": text} == found


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\x00", id="ends after its kind"),
        pytest.param(b"\x00\x05ab", id="ends within a name"),
        pytest.param(b"\xbe", id="entry of a dynamic table"),
        pytest.param(b"\x80", id="entry 0"),
        pytest.param(b"\x3f\xe1\x1f", id="a table's size"),
        pytest.param(b"\x7f\xff\xff\xff\xff\xff\xff\x01", id="a number without an end"),
        pytest.param(b"\x00\x84\xff\xff\xff\xff\x00", id="the end code"),
        pytest.param(b"\x00\x81\x00\x00", id="bits after the last code"),
    ],
)
def test_broken_blocks_are_refused(data: bytes) -> None:
    """One error, whatever is wrong."""
    with pytest.raises(ConnectionFailedError, match="header block is broken"):
        decode(data)


def test_random_bytes_never_do_anything_else() -> None:
    """Headers or that error."""
    source = random.Random(7)
    for _ in range(3000):
        data = source.randbytes(source.randrange(1, 40))
        try:
            found = decode(data)
        except ConnectionFailedError:
            continue
        assert all(isinstance(text, str) for pair in found.items() for text in pair)
