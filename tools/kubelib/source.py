# SPDX-License-Identifier: Apache-2.0
"""Builds programs of Kubernetes from Debian's source package, with Debian's Go: all by apt.

Debian has only the client as a binary package. Everything is below a work directory; nothing is
installed. Kubernetes' own build would generate much more than these programs need.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from vmlib.apt import PrivateApt

__all__ = ["build_programs"]

TOOLS: Final = ("golang-1.19-go", "golang-1.19-src", "golang-github-modern-go-reflect2-dev")
"""reflect2: the vendored version crashes with Go 1.18 and later."""
VERSION: Final = "v1.20.2"
STAGED: Final = (
    "api",
    "apiextensions-apiserver",
    "apimachinery",
    "apiserver",
    "client-go",
    "cloud-provider",
    "component-base",
    "controller-manager",
    "kube-aggregator",
    "kube-controller-manager",
    "kube-proxy",
    "kube-scheduler",
    "kubectl",
    "kubelet",
    "metrics",
)
"""Parts whose types the description of the API is generated from, as Kubernetes' Makefile does."""
_MARK: Final = re.compile(rb"^ *// *\+k8s:openapi-gen=", re.MULTILINE)
_NOT_READ: Final = re.compile(r"zz_generated|_test\.go|/testdata/|/sample")
_OWN: Final = "k8s.io/kubernetes"


def build_programs(names: Sequence[str], apt: PrivateApt, work: Path, target: Path) -> None:
    """Build the named programs into `target`. Takes about 3 minutes and 1.5 GB."""
    for tool in TOOLS:
        deb = apt.download(tool, work / "debs")
        subprocess.run(["dpkg", "-x", deb, work / "tools"], check=True)
    source = _unpacked(apt, work)
    environment = _environment(work, source)
    _generate_description(source, work, environment)
    for name in names:
        _go(source, environment, "-tags", "providerless,dockerless", "-ldflags", _flags(),
            "-o", str(work / name), f"./cmd/{name}")  # fmt: skip
        shutil.move(work / name, target / name)


def _unpacked(apt: PrivateApt, work: Path) -> Path:
    """The source below the path that Go finds it by."""
    description = apt.download_source("kubernetes", work / "source")
    tree = work / "kubernetes"
    subprocess.run(["dpkg-source", "--no-check", "-x", description, tree], check=True,
                   stdout=subprocess.DEVNULL)  # fmt: skip
    vendored = tree / "vendor/github.com/modern-go/reflect2"
    newer = work / "tools/usr/share/gocode/src/github.com/modern-go/reflect2"
    shutil.rmtree(vendored)
    shutil.copytree(newer, vendored)
    source = tree / ".go/src" / _OWN
    source.parent.mkdir(parents=True)
    source.symlink_to(tree)
    return source


def _environment(work: Path, source: Path) -> dict[str, str]:
    root = work / "tools/usr/lib/go-1.19"
    return {
        "PATH": f"{root}/bin:{os.environ['PATH']}",
        "PWD": str(source),  # Go has to see the path through the link
        "HOME": str(work / "home"),
        "GOROOT": str(root),
        "GOPATH": str(source.parents[2]),
        "GOCACHE": str(work / "cache"),
        "GO111MODULE": "off",
        "GOTOOLCHAIN": "local",
        "CGO_ENABLED": "0",
    }


def _generate_description(source: Path, work: Path, environment: dict[str, str]) -> None:
    """The one generated file that Debian's package does not have."""
    generator = work / "openapi-gen"
    _go(source, environment, "-o", str(generator), "./vendor/k8s.io/kube-openapi/cmd/openapi-gen")
    roots = ["pkg", "cmd", "plugin", *(f"vendor/k8s.io/{one}" for one in STAGED)]
    inputs = sorted({_package(source, file) for one in roots for file in _marked(source / one)})
    command = [str(generator), "-i", ",".join(inputs), "-p", f"{_OWN}/pkg/generated/openapi"]
    command += ["-O", "zz_generated.openapi", "-h", "hack/boilerplate/boilerplate.generatego.txt"]
    command += ["-r", str(work / "violations"), "-o", f"{environment['GOPATH']}/src"]
    subprocess.run(command, cwd=source, env=environment, check=True, capture_output=True)


def _marked(root: Path) -> list[Path]:
    return [
        file
        for file in root.rglob("*.go")
        if not _NOT_READ.search(str(file)) and _MARK.search(file.read_bytes())
    ]


def _package(source: Path, file: Path) -> str:
    return f"{_OWN}/{file.parent.relative_to(source)}"


def _flags() -> str:
    parts = [f"{_OWN}/vendor/k8s.io/{one}" for one in ("component-base", "client-go/pkg")]
    values = {"gitVersion": VERSION, "gitMajor": "1", "gitMinor": "20"}
    known = [
        f"-X {part}/version.{name}={value}" for part in parts for name, value in values.items()
    ]
    return " ".join(["-s", "-w", *known])


def _go(source: Path, environment: dict[str, str], *arguments: str) -> None:
    subprocess.run(["go", "build", *arguments], cwd=source, env=environment, check=True)
