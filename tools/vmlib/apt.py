# SPDX-License-Identifier: Apache-2.0
"""A private apt that fetches packages of any Debian suite. It changes nothing of the system's apt.

The mirror is the one this machine's own apt uses for Debian; on other systems it has to be named in
DEBIAN_MIRROR. Signatures are checked with Debian's archive keyring.
"""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from .errors import VmError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["PrivateApt", "find_mirror"]

KEYRING: Final = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
SYSTEM_APT: Final = Path("/etc/apt")


def find_mirror(apt_directory: Path = SYSTEM_APT) -> str:
    """The address of a Debian mirror: DEBIAN_MIRROR, or what the system's apt uses."""
    if named := os.environ.get("DEBIAN_MIRROR"):
        return named
    for source in sorted(apt_directory.glob("sources.list*")):
        files = sorted(source.iterdir()) if source.is_dir() else [source]
        for file in files:
            if file.suffix in {".list", ".sources"}:
                for address in mirror_addresses(file.read_text(errors="replace")):
                    return address
    msg = (
        "apt on this machine has no Debian mirror, from which kernels and runtimes come; "
        "name one: DEBIAN_MIRROR=http://HOST/debian"
    )
    raise VmError(msg)


def mirror_addresses(text: str) -> list[str]:
    """Addresses of Debian's main archive in a sources file of either form (one-line or deb822)."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    words = " ".join(lines).split()
    return [
        word.rstrip("/") for word in words if re.fullmatch(r"(https?|file|copy):\S+/debian/?", word)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateApt:
    """apt-get and apt-cache over one suite, with all state below `directory`."""

    directory: Path
    suite: str
    mirror: str
    architecture: str = "amd64"
    with_sources: bool = False
    """Whether source packages can be downloaded too; their lists take a while."""

    def update(self) -> None:
        """Fetch the package lists of the suite."""
        if not KEYRING.exists():
            msg = f"{KEYRING} is missing; install it: apt-get install -y debian-archive-keyring"
            raise VmError(msg)
        for name in ("lists/partial", "cache/archives/partial"):
            (self.directory / name).mkdir(parents=True, exist_ok=True)
        kinds = ("deb", "deb-src") if self.with_sources else ("deb",)
        lines = [f"{one} [signed-by={KEYRING}] {self.mirror} {self.suite} main\n" for one in kinds]
        (self.directory / "sources.list").write_text("".join(lines))
        self._run("apt-get", "update", "-qq")

    def depends(self, package: str) -> list[str]:
        """Names in the Depends field of the newest version of `package`."""
        text = self._run("apt-cache", "show", "--no-all-versions", package)
        found = re.search(r"(?m)^Depends: (.*)$", text)
        return re.findall(r"(?:^|[,|] *)([a-z0-9][^ ,|(]*)", found.group(1)) if found else []

    def closure(self, packages: Sequence[str]) -> list[str]:
        """Names of the packages and of all that they depend on, as in an empty system."""
        nothing = self.directory / "status"
        nothing.touch()
        options = ("-o", f"Dir::State::status={nothing}", "--no-install-recommends")
        plan = self._run("apt-get", *options, "-s", "install", *packages)
        return re.findall(r"(?m)^Inst (\S+)", plan)

    def download(self, package: str, target: Path) -> Path:
        """Download the .deb of `package` into `target`, which is empty before."""
        self.download_all((package,), target)
        (deb,) = target.glob(f"{package}_*.deb")
        return deb

    def download_all(self, packages: Sequence[str], target: Path) -> list[Path]:
        """Download the .deb of each into `target`, which is empty before."""
        target.mkdir(parents=True, exist_ok=True)
        self._run("apt-get", "download", "-qq", *packages, cwd=target)
        return sorted(target.glob("*.deb"))

    def download_source(self, package: str, target: Path) -> Path:
        """Download the files of a source package, and return that which describes it."""
        target.mkdir(parents=True, exist_ok=True)
        self._run("apt-get", "source", "-qq", "--download-only", package, cwd=target)
        (description,) = target.glob(f"{package}_*.dsc")
        return description

    def _run(self, program: str, *arguments: str, cwd: Path | None = None) -> str:
        options = {
            "APT::Architecture": self.architecture,
            "APT::Architectures": self.architecture,
            "APT::Sandbox::User": "",
            "Acquire::Languages": "none",
            "Dir::Cache": self.directory / "cache",
            "Dir::Etc::SourceList": self.directory / "sources.list",
            "Dir::Etc::SourceParts": "/dev/null",
            "Dir::State::Lists": self.directory / "lists",
        }
        command = [program]
        for key, value in options.items():
            command += ["-o", f"{key}={value}"]
        try:
            result = subprocess.run(
                [*command, *arguments], cwd=cwd, capture_output=True, text=True, check=False
            )
        except FileNotFoundError:
            msg = f"{program} is missing: kernels and runtimes come as Debian packages through apt"
            raise VmError(msg) from None
        if result.returncode != 0:
            reason = (result.stderr.strip().splitlines() or ["no message"])[0]
            msg = f"{program} {' '.join(arguments)} failed for suite {self.suite}: {reason}"
            raise VmError(msg)
        return result.stdout
