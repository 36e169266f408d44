# SPDX-License-Identifier: Apache-2.0
"""The parts of tools/vm and tools/arm64 that are for arm64 only; nothing is booted."""

from __future__ import annotations

import gzip
import lzma
import subprocess
import zipfile
from pathlib import Path

import pytest

from armlib.wheels import download, unpack
from vmlib.errors import VmError
from vmlib.guest import GuestCommand, first_script, second_script
from vmlib.platforms import PLATFORMS
from vmlib.qemu import Machine, qemu_command
from vmlib.shares import Share, parse_share
from vmlib.vmlinux import extract_image

ARM64 = PLATFORMS["arm64"]
IMAGE = bytes(56) + b"ARM\x64" + b" the kernel"


def machine(*shares: Share, icount: bool = False) -> Machine:
    """A machine whose root is /root-of-it."""
    return Machine(
        kernel=Path("kernel"),
        initramfs=Path("initramfs"),
        console_log=Path("console"),
        exit_code=Path("code"),
        platform=ARM64,
        root=Path("/root-of-it"),
        shares=shares,
        icount=icount,
    )


def efi_program(payload: bytes) -> bytes:
    """What unpacks a compressed Image at its start."""
    start = 64
    header = b"MZ\0\0zimg" + start.to_bytes(4, "little") + len(payload).to_bytes(4, "little")
    return header.ljust(start, b"\0") + payload + b"what follows"


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(IMAGE, id="plain"),
        pytest.param(gzip.compress(IMAGE), id="gzip"),
        pytest.param(lzma.compress(IMAGE), id="xz"),
        pytest.param(efi_program(gzip.compress(IMAGE)), id="program for EFI"),
    ],
)
def test_image_is_found_in_each_form(tmp_path: Path, content: bytes) -> None:
    """Debian has had an Image in different wrappings."""
    path = tmp_path / "vmlinuz"
    path.write_bytes(content)

    assert extract_image(path) == IMAGE


def test_another_image_is_an_error(tmp_path: Path) -> None:
    """A kernel of another architecture is not booted."""
    path = tmp_path / "vmlinuz"
    path.write_bytes(b"MZ" + bytes(100))

    with pytest.raises(VmError, match="vmlinuz has no arm64 kernel inside"):
        extract_image(path)


def test_machine_sees_its_own_root_and_the_shares() -> None:
    """The root cannot be written to; a share can, unless it was asked for otherwise."""
    tree = Share(path=Path("/tree"), place=Path("/tree"), is_readonly=True)
    results = Share(path=Path("/results"), place=Path("/tree/build"))

    command = qemu_command(machine(tree, results))

    assert "qemu-system-aarch64" == command[0]
    systems = [one for one in command if one.startswith("local,")]
    paths = [one.partition("path=")[2].partition(",")[0] for one in systems]
    assert ["/root-of-it", "/tree", "/results"] == paths
    assert [True, True, False] == ["readonly=on" in one for one in systems]


def test_instructions_are_not_counted() -> None:
    """What --icount needs is of x86: it is refused, not ignored."""
    with pytest.raises(VmError, match="omit --icount"):
        qemu_command(machine(icount=True))


def test_scripts_use_the_ports_of_the_platform() -> None:
    """Output and exit code go where this machine's QEMU listens; modules come as a share."""
    guest = GuestCommand(arguments=["true"], directory=Path("/"))
    second = second_script(guest, ARM64)
    share = Share(path=Path("/here"), place=Path("/there"), is_readonly=True)
    first = first_script(release="6.12", modules=None, shares=[share])

    for script in (first, second):
        subprocess.run(["sh", "-n"], input=script, text=True, check=True)
    assert f">{ARM64.output_device} 2>&1" in second
    assert f"echo $? >{ARM64.exit_code_device}" in second
    assert "mount -t 9p -o ro," in first
    assert "share0 /root/there" in first
    assert "--bind" not in first


def test_share_is_read_from_its_text(tmp_path: Path) -> None:
    """A directory is where it is here, or where it is said to be; it has to exist."""
    here = Share(path=tmp_path, place=tmp_path)
    there = Share(path=tmp_path, place=Path("/there"), is_readonly=True)

    assert here == parse_share(str(tmp_path), is_readonly=False)
    assert there == parse_share(f"{tmp_path}=/there", is_readonly=True)
    with pytest.raises(FileNotFoundError):
        parse_share(f"{tmp_path}/missing", is_readonly=False)


def test_a_package_without_a_wheel_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever locks a package that arm64 cannot have learns which one it is."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    lock = tmp_path / "requirements.lock"
    lock.write_text(f"no-such-package==1.0 --hash=sha256:{'0' * 64}\n")

    with pytest.raises(VmError, match=r"cannot be had for arm64: .*no-such-package==1\.0"):
        download([lock], tmp_path / "wheels")


def test_wheels_are_unpacked_side_by_side(tmp_path: Path) -> None:
    """What is in them is found by a Python that searches the folder."""
    for name in ("one", "two"):
        with zipfile.ZipFile(tmp_path / f"{name}-1-py3-none-any.whl", "w") as archive:
            archive.writestr(f"{name}/__init__.py", "")

    unpack(tmp_path, tmp_path / "site")

    assert {"one", "two"} == {path.name for path in (tmp_path / "site").iterdir()}
