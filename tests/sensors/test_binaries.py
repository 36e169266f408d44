# SPDX-License-Identifier: Apache-2.0
"""Files that probes are put into: what is where in them, by which names, and which file it is."""

from __future__ import annotations

import hashlib
import io
import random
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

from tetragon_core.errors import TetragonError
from tetragon_sensors.binaries.binary import Binary
from tetragon_sensors.binaries.digests import digest_of, matching_digest
from tetragon_sensors.binaries.image import ElfError, ElfImage
from tetragon_sensors.binaries.places import place_of_address, place_of_offset, place_of_symbol

ROUNDS: Final = 300
SEED: Final = 20261121


@pytest.fixture
def program(workload: Path) -> Path:
    """A program with names of its functions."""
    return workload / "called"


def addresses(path: Path) -> dict[str, int]:
    """Global functions as nm has them."""
    lines = subprocess.check_output(["nm", "--defined-only", path], text=True).splitlines()
    found = (line.split() for line in lines)
    return {name: int(address, 16) for address, kind, name in found if kind == "T"}


def image_of(content: bytes) -> ElfImage:
    """An image of a file that is nowhere."""
    return ElfImage(io.BufferedReader(io.BytesIO(content)))


def test_places(program: Path) -> None:
    """Symbol, address and offset of a function name the same place."""
    binary = Binary(str(program))

    for name, address in addresses(program).items():
        by_symbol = place_of_symbol(binary, name).offset
        assert by_symbol == place_of_address(binary, address).offset
        assert by_symbol == place_of_offset(binary, by_symbol).offset
        assert address == binary.image.address_of(by_symbol)
        assert by_symbol + 4 == place_of_symbol(binary, f"{name}+0x4").offset


def test_resolver() -> None:
    """A function of the C library that only chooses another is told from the others."""
    libc = next(
        line.split()[-1]
        for line in Path("/proc/self/maps").read_text().splitlines()
        if line.endswith("/libc.so.6")
    )
    binary = Binary(libc)

    found = {name: place_of_symbol(binary, name).is_resolver for name in ("strlen", "malloc")}

    assert {"strlen": True, "malloc": False} == found


@pytest.mark.parametrize(
    ("symbol", "reason"),
    [("missing", "has no function missing"), ("main+0x7fffffff", "not loaded")],
)
def test_no_place(program: Path, symbol: str, reason: str) -> None:
    """What is not there is told."""
    with pytest.raises(TetragonError, match=reason):
        place_of_symbol(Binary(str(program)), symbol)


def test_stripped(program: Path, tmp_path: Path) -> None:
    """Of a file without names the error says so."""
    stripped = tmp_path / "stripped"
    subprocess.run(["strip", "-o", stripped, program], check=True)

    with pytest.raises(TetragonError, match="has no function may: it is stripped"):
        place_of_symbol(Binary(str(stripped)), "may")


def test_file_that_is_replaced(program: Path, tmp_path: Path) -> None:
    """A binary stays the file that was opened, and its link leads to that."""
    path = tmp_path / "program"
    shutil.copy(program, path)
    binary = Binary(str(path))
    (tmp_path / "new").write_bytes(b"other")
    (tmp_path / "new").rename(path)

    assert program.read_bytes() == Path(binary.link).read_bytes()
    assert "may" == place_of_symbol(binary, "may").symbol


def test_closed_with_the_last_reference(program: Path) -> None:
    """A binary that nobody has is no open file."""
    before = len(list(Path("/proc/self/fd").iterdir()))
    binary = Binary(str(program))
    assert before + 1 == len(list(Path("/proc/self/fd").iterdir()))

    del binary

    assert before == len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/nowhere/at/all", "No such file"),
        ("/", "regular"),
        ("/proc/self/mem", "mem: cannot be read: Input/output error"),
    ],
)
def test_no_file(path: str, reason: str) -> None:
    """What cannot be opened, or not be read, is told."""
    with pytest.raises(TetragonError, match=reason):
        Binary(path)


# ---- digests ----


def test_digests(program: Path) -> None:
    """Digests are those of coreutils and readelf."""
    with program.open("rb") as file:
        image = ElfImage(file)
        found = {
            name: digest_of(name, file, image) for name in ("sha1", "sha256", "sha384", "sha512")
        }
        build_id = digest_of("build-id", file, image)

    assert {name: hashlib.new(name, program.read_bytes()).hexdigest() for name in found} == found
    notes = subprocess.check_output(["readelf", "-nW", program], text=True)
    assert f"Build ID: {build_id}" in notes


def test_any_digest_is_enough(program: Path) -> None:
    """The first that matches is found, however it is written; none is None."""
    wanted = hashlib.sha256(program.read_bytes()).hexdigest().upper()
    with program.open("rb") as file:
        image = ElfImage(file)

        found = matching_digest(["sha1:00", f" SHA256 : {wanted} ", "build-id:11"], file, image)
        missing = matching_digest(["sha1:00", "build-id:"], file, image)

    assert f" SHA256 : {wanted} " == found
    assert missing is None


# ---- files that are broken ----


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "shorter than an ELF header"),
        (b"#!/bin/sh\n" * 100, "no ELF file"),
        (b"\x7fELF\1\1\1" + bytes(100), "no 64-bit little-endian"),
        (b"\x7fELF\2\2\1" + bytes(100), "no 64-bit little-endian"),
    ],
)
def test_no_elf_file(content: bytes, reason: str) -> None:
    """Files of other kinds are refused."""
    with pytest.raises(ElfError, match=reason):
        image_of(content)


def test_broken_files(program: Path) -> None:
    """Whatever is in a file, it is read or refused, and nothing else happens."""
    whole = program.read_bytes()
    chance = random.Random(SEED)
    refused = 0
    for _ in range(ROUNDS):
        content = bytearray(whole)
        for _ in range(4):
            at = chance.randrange(64) if chance.random() < 0.5 else chance.randrange(len(content))
            content[at] = chance.randrange(256)
        try:
            image = image_of(bytes(content[: chance.randrange(len(content))]))
            image.build_id()
            for section in image.sections:
                image.content(section)
        except ElfError:
            refused += 1
    assert 0 < refused < ROUNDS
