# SPDX-License-Identifier: Apache-2.0
"""Symbols are found by name and by address, as the kernel lists them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from tetragon_sensors.kernel.symbols import Place, Symbol, Symbols, kprobe_blacklist

BASE: Final = 0xFFFFFFFF81000000
LISTED: Final = f"""\
{0:016x} A per_cpu_start
{BASE:016x} T _text
{BASE:016x} T first_name
{BASE + 0x100:016x} t vfs_read
{BASE + 0x180:016x} T vfs_readv
{BASE + 0x200:016x} t twin
{BASE + 0x900:016x} t twin
{BASE + 0xA00:016x} T __x64_sys_read
{BASE + 0xA80:016x} T __x64_sys_write
{BASE + 0x1000:016x} D vfs_data
{BASE + 0x40000000:016x} t of_module\t[ext9]
{BASE + 0x40000100:016x} t __x64_sys_of_module\t[ext9]
"""


@pytest.fixture
def listing(tmp_path: Path) -> Path:
    """A list of symbols."""
    path = tmp_path / "kallsyms"
    path.write_text(LISTED)
    return path


@pytest.fixture
def symbols(listing: Path) -> Symbols:
    """The symbols of the list."""
    return Symbols(listing)


def test_names(symbols: Symbols) -> None:
    """Functions are found by their whole name, all that share it, and nothing else."""
    assert (Symbol("vfs_read", BASE + 0x100, ""),) == symbols.find("vfs_read")
    assert [BASE + 0x200, BASE + 0x900] == [each.address for each in symbols.find("twin")]
    assert "ext9" == symbols.module_of("of_module")
    assert "" == symbols.module_of("vfs_readv")
    assert symbols.module_of("vfs_rea") is None
    assert not symbols.has("vfs_data")
    assert not symbols.has("fs_read")


def test_near_names(symbols: Symbols) -> None:
    """A name that is not there has the nearest function for a hint, or none."""
    assert ' (did you mean "vfs_readv"?)' == symbols.near("vfs_reav")
    assert not symbols.near("unlike_any")


def test_names_that_begin_alike(symbols: Symbols) -> None:
    """Those of modules are not among them."""
    assert ["__x64_sys_read", "__x64_sys_write"] == symbols.starting("__x64_sys_")


def test_forgotten_list(symbols: Symbols, listing: Path) -> None:
    """After forget() the list is read again; functions that were listed stay known."""
    symbols.starting("__x64_sys_")
    listing.write_text("")
    symbols.forget()

    assert symbols.has("__x64_sys_read")
    assert not symbols.is_known


@pytest.mark.parametrize(
    ("address", "place"),
    [
        (BASE, Place("_text", 0, "")),
        (BASE + 0x17F, Place("vfs_read", 0x7F, "")),
        (BASE + 0x180, Place("vfs_readv", 0, "")),
        (BASE + 0x40000001, Place("of_module", 1, "ext9")),
        (BASE + 0x1001, None),
        (BASE - 1, None),
        (BASE + 0x50000000, None),
        (5, None),
    ],
)
def test_addresses(symbols: Symbols, address: int, place: Place | None) -> None:
    """An address is in the function that begins before it, unless data does or it is far away."""
    assert place == symbols.at(address)


def test_hidden_addresses(listing: Path) -> None:
    """When the kernel shows zeros, names are known and addresses are not."""
    zeros = [f"{0:016x}{line[16:]}" for line in LISTED.splitlines()]
    listing.write_text("\n".join(zeros) + "\n")
    symbols = Symbols(listing)

    assert not symbols.addresses_known
    assert (Symbol("vfs_read", 0, ""),) == symbols.find("vfs_read")
    assert symbols.at(BASE + 0x100) is None


def test_no_list(tmp_path: Path) -> None:
    """A kernel without the list has no symbols, which is told apart."""
    symbols = Symbols(tmp_path / "nothing")

    assert not symbols.is_known
    assert not symbols.has("vfs_read")
    assert symbols.at(BASE) is None


def test_every_address_of_this_kernel() -> None:
    """Each function of the running kernel, or one of the same place, is found by its address."""
    lines = [line.split() for line in Path("/proc/kallsyms").read_text().splitlines()]
    symbols = Symbols()
    wanted = [(int(line[0], 16), line[2]) for line in lines if line[1] in "tT"][::997]
    names: dict[int, set[str]] = {}
    for line in lines:
        names.setdefault(int(line[0], 16), set()).add(line[2])
    places = [symbols.at(address) for address, _ in wanted]

    assert symbols.addresses_known == all(places)
    assert [] == [
        name
        for (address, name), place in zip(wanted, places, strict=True)
        if place and place.name not in names[address]
    ]


def test_blacklist(tmp_path: Path) -> None:
    """The functions that no kprobe can have; not known is not empty."""
    path = tmp_path / "blacklist"
    path.write_text("0xffffffff81000000-0xffffffff81000010\tnot_this\n")

    assert frozenset({"not_this"}) == kprobe_blacklist(path)
    assert kprobe_blacklist(tmp_path / "nothing") is None
