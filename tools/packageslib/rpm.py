# SPDX-License-Identifier: Apache-2.0
"""Writes the .rpm, with rpmbuild. The same tree and description give the same bytes."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from .description import NAME
from .programs import run
from .scripts import RPM_SCRIPTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .description import Description
    from .staging import Staged

__all__ = ["FOREIGN", "build_rpm", "spec_text"]

_PAYLOAD: Final = {True: "w6T2.xzdio", False: "w0.ufdio"}
"""How many threads compress decides about the bytes, so it does not depend on the machine."""

_DEFINES: Final = (
    "%global debug_package %{nil}",
    "%global __os_install_post %{nil}",  # nothing is stripped, compressed or linked again
    "%global _build_id_links none",
    "%global _buildhost localhost",
    "%global use_source_date_epoch_as_buildtime 1",
    "%global clamp_mtime_to_source_date_epoch 1",
)

FOREIGN: Final = frozenset(
    {
        *("etc", "usr", "usr/bin", "usr/lib", "usr/lib/systemd", "usr/lib/systemd/system"),
        *("usr/share", "usr/share/doc", "usr/share/licenses", "usr/share/man"),
        *(f"usr/share/man/man{section}" for section in range(1, 10)),
    }
)
"""Folders of every system; all others go when the last package that has them goes."""


def build_rpm(staged: Staged, about: Description, folder: Path, *, small: bool = True) -> Path:
    """Write the package into `folder`; big is quick. Its path."""
    with tempfile.TemporaryDirectory(prefix="rpm.") as name:
        work = Path(name)
        spec = work / f"{NAME}.spec"
        spec.write_text(spec_text(staged, about, small=small))
        # rpmbuild empties its own root first.
        macros = {
            "_topdir": str(work),
            "_rpmdir": str(work),
            "_rpmfilename": about.rpm_name,
            "_dbpath": str(work / "db"),
        }
        defines = [word for macro in macros.items() for word in ("--define", " ".join(macro))]
        command = ["rpmbuild", "-bb", "--quiet", f"--target={about.machine}-linux", *defines]
        run([*command, str(spec)], SOURCE_DATE_EPOCH=str(about.epoch_s))
        return Path(shutil.move(work / about.rpm_name, folder / about.rpm_name))


def spec_text(staged: Staged, about: Description, *, small: bool) -> str:
    """The spec file, which only copies what is staged."""
    fields = {
        "Name": NAME,
        "Version": about.ordered_version,
        "Release": "1",
        "Summary": about.summary,
        "License": about.licence,
        "AutoReqProv": "no",
    }
    head = [
        *_DEFINES,
        f"%global _binary_payload {_PAYLOAD[small]}",
        *(f"{name}: {value}" for name, value in fields.items()),
        *("%description", *about.text),
        *("%install", f"cp -a {staged.root}/. %{{buildroot}}/"),
        *("%files", "%defattr(-,root,root,-)", *file_lines(staged)),
    ]
    scripts = [f"%{name}\n{text}" for name, text in RPM_SCRIPTS.items()]
    return "\n".join([*head, *scripts])


def file_lines(staged: Staged) -> Iterator[str]:
    """Each file, and the folders that go with it."""
    settings = set(staged.settings())
    for path in staged.paths():
        name = path.relative_to(staged.root)
        if path.is_dir() and not path.is_symlink():
            if str(name) not in FOREIGN:
                yield f'%dir "/{name}"'
        elif name in settings:
            yield f'%config(noreplace) "/{name}"'
        else:
            yield f'"/{name}"'
