# SPDX-License-Identifier: Apache-2.0
"""What the built executable is made of, and that nothing in it shows where it was built."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from typing import Any, Final

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from exe.executables import BUILT, ENVIRONMENT, ROOT
from rebuildlib.contents import Contents, contents_of

FOLDER: Final = "lib/tetragon_cli/_provenance"
BUDGETS_KIB: Final = {
    "grpc": 19000,
    "tetragon-mini": 20500,
    "libpython": 9000,
    "libcrypto": 6500,
    "python3": 3500,
    "libstdc++": 3000,
    "libc.so": 2500,
    "base_library": 2000,
    "tetragon_": 6000,
    "": 9000,
}
"""Bytes in the tree by how names begin; the empty name is for all others together."""


@pytest.fixture(scope="module")
def contents() -> Contents:
    return contents_of(BUILT)


@pytest.fixture(scope="module")
def bill(contents: Contents) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(contents.entries[f"{FOLDER}/sbom.cdx.json"].content)
    return document


def test_the_archive_has_nothing_of_who_made_it_and_when(contents: Contents) -> None:
    """Order, owners, modes and times are the same whoever builds, and whenever."""
    headers = [entry.header for entry in contents.entries.values()]

    assert sorted(contents.entries, key=lambda name: name.split("/")) == list(contents.entries)
    assert {(0, 0, 0, "", "")} == {(h.mtime, h.uid, h.gid, h.uname, h.gname) for h in headers}
    assert {0o644, 0o755} == {header.mode for header in headers}


def test_no_file_has_the_path_of_the_checkout(contents: Contents) -> None:
    """Nothing shows where it was built, neither what is compiled nor what pip notes."""
    path = str(ROOT).encode()

    assert path not in contents.launcher
    assert [] == [name for name, entry in contents.entries.items() if path in entry.content]
    assert [] == [name for name in contents.entries if name.endswith((".dist-info/RECORD", ".pyc"))]


def test_version_prints_both_documents(contents: Contents) -> None:
    """`--sbom` and `--licenses` are what the build wrote, to the byte."""
    for option, name in (("--sbom", "sbom.cdx.json"), ("--licenses", "licenses.txt")):
        printed = subprocess.run(
            [BUILT, "version", option], check=True, capture_output=True, env=ENVIRONMENT
        ).stdout

        assert contents.entries[f"{FOLDER}/{name}"].content == printed


def test_the_bill_has_each_compiled_file(contents: Contents, bill: dict[str, Any]) -> None:
    """It is valid, and each library, extension module and BPF object is in it by its checksum."""
    listed = {
        entry["name"]: entry["hashes"][0]["content"]
        for component in bill["components"]
        for entry in component.get("components", ())
    }
    there = {
        name.removeprefix("lib/"): hashlib.sha256(entry.content).hexdigest()
        for name, entry in contents.entries.items()
        if ".so" in name or name.endswith(".bpf.o")
    }

    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(bill)) is None
    assert there == listed


def test_the_bill_names_what_matters(bill: dict[str, Any]) -> None:
    """Python, the TLS library, the BPF library, the launcher's C library and our own parts."""
    names = {component["name"].removesuffix("t64") for component in bill["components"]}

    assert {"cpython", "grpcio", "libbpf1", "libc6-dev", "libzstd-dev", "pyinstaller"} <= names
    assert {"tetragon-mini-bpf", "tetragon-mini-cli", "tetragon-mini-crio-hook"} <= names
    assert all(component["licenses"][0]["expression"] for component in bill["components"])


def test_each_part_keeps_its_size(contents: Contents) -> None:
    """Nothing has grown by a dependency that nobody decided on."""
    used = dict.fromkeys(BUDGETS_KIB, 0)
    for name, entry in contents.entries.items():
        short = name.removeprefix("lib/")
        used[next(start for start in BUDGETS_KIB if short.startswith(start))] += len(entry.content)
    rows = [(start or "others", used[start] // 1024, BUDGETS_KIB[start]) for start in BUDGETS_KIB]
    for start, kib, budget in rows:
        sys.stdout.write(f"{start:16} {kib:6} KiB of {budget}\n")

    assert [] == [row for row in rows if row[1] > row[2]]
