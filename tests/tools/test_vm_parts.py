# SPDX-License-Identifier: Apache-2.0
"""The parts of tools/vm that work without booting anything."""

from __future__ import annotations

import io
import lzma
import subprocess
from pathlib import Path

import pytest

from vmlib.apt import find_mirror, mirror_addresses
from vmlib.cpio import CpioWriter
from vmlib.errors import VmError
from vmlib.guest import GuestCommand, first_script, second_script
from vmlib.kernels import find_kernel
from vmlib.modules import load_order, read_module
from vmlib.qemu import Machine, qemu_command
from vmlib.runner import read_exit_code
from vmlib.shares import Share
from vmlib.vmlinux import extract_vmlinux

ONE_LINE = (
    "# deb http://old.example/debian x main\ndeb [arch=amd64] https://m.example/debian/ x main\n"
)
DEB822 = "Types: deb\nURIs: http://m.example/debian\nSuites: bookworm\nSigned-By: /x.gpg\n"
SHARE = Share(path=Path("/share d"), place=Path("/share d"))
OTHERS = "deb https://m.example/ubuntu x main\ndeb http://m.example/debian-security x main\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(ONE_LINE, ["https://m.example/debian"], id="one-line"),
        pytest.param(DEB822, ["http://m.example/debian"], id="deb822"),
        pytest.param(OTHERS, [], id="other archives"),
    ],
)
def test_mirror_is_read_from_both_forms(text: str, expected: list[str]) -> None:
    """Only Debian's main archive is taken, from sources of either form."""
    assert expected == mirror_addresses(text)


def test_mirror_is_searched_in_all_source_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """sources.list may be absent or name other archives only."""
    monkeypatch.delenv("DEBIAN_MIRROR", raising=False)
    (tmp_path / "sources.list").write_text(OTHERS)
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list.d/debian.sources").write_text(DEB822)

    assert find_mirror(tmp_path) == "http://m.example/debian"


def test_missing_mirror_says_what_to_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a system without Debian's archive the error names the variable."""
    monkeypatch.delenv("DEBIAN_MIRROR", raising=False)

    with pytest.raises(VmError, match="DEBIAN_MIRROR="):
        find_mirror(tmp_path)


def test_unknown_kernel_lists_the_known_ones(tmp_path: Path) -> None:
    """A wrong name is answered with the right ones."""
    with pytest.raises(VmError, match=r"known are: 5\.10, 6\.1, 6\.12, newest"):
        find_kernel("4.19", tmp_path)


def test_archive_unpacks_to_what_was_written(tmp_path: Path) -> None:
    """busybox, which reads the same form as the kernel, finds every entry whole."""
    archive = io.BytesIO()
    writer = CpioWriter(archive)
    writer.directory("d")
    writer.file("d/odd", b"123")
    writer.file("d/run", b"#!/bin/sh\n", executable=True)
    writer.finish()

    subprocess.run(
        ["busybox", "cpio", "-i"],
        input=archive.getvalue(),
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )

    assert (tmp_path / "d/odd").read_bytes() == b"123"
    assert (tmp_path / "d/run").stat().st_mode & 0o777 == 0o755


def test_modules_are_loaded_after_what_they_need(tmp_path: Path) -> None:
    """Dependencies come first and once; built-in modules are left out."""
    (tmp_path / "modules.dep").write_text(
        "k/9p.ko: k/9pnet.ko k/netfs.ko\nk/9pnet.ko:\nk/netfs.ko:\nk/9pnet_virtio.ko: k/9pnet.ko\n"
    )

    order = load_order(tmp_path, ["9pnet_virtio", "9p", "overlay"])

    assert ["9pnet.ko", "9pnet_virtio.ko", "netfs.ko", "9p.ko"] == [path.name for path in order]


def test_compressed_module_is_read_unpacked(tmp_path: Path) -> None:
    """The machine gets plain modules."""
    path = tmp_path / "a.ko.xz"
    path.write_bytes(lzma.compress(b"module"))

    assert read_module(path) == b"module"


def test_kernel_is_found_behind_false_starts(tmp_path: Path) -> None:
    """A magic number that starts no stream is passed over; what follows the stream is ignored."""
    image = tmp_path / "vmlinuz"
    stream = lzma.compress(b"\x7fELF kernel")
    image.write_bytes(b"setup" + stream[:6] + b"noise" + stream + b"trailer")

    assert extract_vmlinux(image) == b"\x7fELF kernel"


def test_image_without_kernel_is_an_error(tmp_path: Path) -> None:
    """A file that is no kernel image is named."""
    image = tmp_path / "vmlinuz"
    image.write_bytes(b"nothing in here")

    with pytest.raises(VmError, match="vmlinuz has no kernel"):
        extract_vmlinux(image)


def test_scripts_are_valid_and_quote_the_command() -> None:
    """Both scripts parse, and arguments reach the command as they are."""
    guest = GuestCommand(
        arguments=["echo", "a b", "$HOME", "it's"],
        directory=Path("/a dir"),
        cgroup="hybrid",
        environment={"PATH": "/bin"},
    )
    second = second_script(guest)
    first = first_script(release="6.1", modules=Path("/m m"), shares=[SHARE])

    for script in (first, second):
        subprocess.run(["sh", "-n"], input=script, text=True, check=True)
    assert "cd '/a dir' && exec echo 'a b' '$HOME' 'it'\"'\"'s'" in second


def test_icount_changes_the_clock_and_the_processor() -> None:
    """With exact counting one nanosecond of the machine is one instruction."""
    machine = Machine(
        kernel=Path("kernel"),
        initramfs=Path("initramfs"),
        console_log=Path("console"),
        exit_code=Path("code"),
        icount=True,
    )

    command = qemu_command(machine)

    assert command[command.index("-icount") + 1] == "shift=0,sleep=off"
    assert "tsc_early_khz=1000000" in command[command.index("-append") + 1]


@pytest.mark.parametrize(("text", "expected"), [("7\n", 7), ("", None), ("junk", None)])
def test_exit_code_is_only_taken_when_complete(
    tmp_path: Path, text: str, expected: int | None
) -> None:
    """A machine that died has no exit code, which is not 0."""
    path = tmp_path / "code"
    path.write_text(text)

    assert expected == read_exit_code(path)
