# SPDX-License-Identifier: Apache-2.0
"""What is told of the parts of the executable, and what stops its build."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from provenance.add import shared_out
from provenance.bom import bill
from provenance.component import Component, ProvenanceError
from provenance.debian import DebianPackages
from provenance.licences import licence_text
from provenance.own import claim_own, claim_python, product
from provenance.python_packages import PythonPackages, locked
from provenance.tree import Item

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "packages/requirements.lock"
MAPS = Path("/proc/self/maps")


def component(name: str, text: Path, **changes: object) -> Component:
    values = {"version": "1.0", "purl": f"pkg:pypi/{name}@1.0", "licence": "MIT", "texts": (text,)}
    return Component(**{"name": name, **values, **changes})  # type: ignore[arg-type]  # of a builder


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "LICENSE"
    path.write_text("Do as you like.\r\n\r\n")
    return path


@pytest.fixture
def library(tmp_path: Path) -> Item:
    path = tmp_path / "liba.so.1"
    path.write_bytes(b"abc")
    return Item(name="liba.so.1", path=path)


def test_a_lock_file_tells_versions_and_hashes() -> None:
    """Each package has the hashes that stand below it, and no others."""
    lock = f"A.b==1.0 \\\n    --hash=sha256:{'a' * 64} \\\n    --hash=sha256:{'b' * 64}\nc==2\n"

    assert {"a-b": ("1.0", ("a" * 64, "b" * 64)), "c": ("2", ())} == locked(lock)


def test_every_locked_package_has_a_licence() -> None:
    """For each package that may be in the executable, the licence and its text are known."""
    packages = PythonPackages(LOCK)

    owners = {packages.claim(Item(name=name)) for name in ("grpc", "yaml", "click.core", "rich")}

    assert {"click", "grpcio", "pyyaml", "rich"} == {one.name for one in owners if one}


def test_packages_of_development_are_nobodys() -> None:
    """A module that only development has may not be in the executable, and says its name."""
    claims = (PythonPackages(LOCK).claim, claim_own, claim_python)

    with pytest.raises(ProvenanceError, match="brought pytest, ruff/__main__"):
        shared_out([Item(name=one) for one in ("json", "pytest", "ruff/__main__")], claims)


def test_our_code_is_shared_out() -> None:
    """Our packages are told apart; BPF programs, with another licence, are one of their own."""
    names = ("tetragon.events_pb2", "tetragon_core/ids.so", "tetragon_sensors/_objects/exec.bpf.o")

    owners = [claim_own(Item(name=name)) for name in names]

    assert ["tetragon-mini-core", "tetragon-mini-core", "tetragon-mini-bpf"] == [
        one.name for one in owners if one
    ]


def test_a_library_is_known_by_what_it_is(tmp_path: Path) -> None:
    """The C library of this system is its package's; another file of that name is nobody's."""
    (library,) = set(re.findall(r"/\S+/libc\.so\.6$", MAPS.read_text(), re.MULTILINE))
    other = tmp_path / "libc.so.6"
    other.write_bytes(Path(library).with_name("libm.so.6").read_bytes())
    packages = DebianPackages()

    names = [
        owner.name if (owner := packages.claim(Item(name="libc.so.6", path=path))) else None
        for path in (Path(library), other)
    ]

    assert ["libc6", None] == names


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"texts": ()}, "strange 1.0: there is no text of its licence"),
        ({"licence": "as you like it"}, "strange 1.0: its licence is not known"),
        ({"version": ""}, "strange: has no version"),
    ],
    ids=["text", "licence", "version"],
)
def test_what_is_not_known_fails_with_its_name(
    text: Path, changes: dict[str, object], message: str
) -> None:
    """Nothing can be in the documents of which the version, the licence or its text is missing."""
    with pytest.raises(ProvenanceError, match=message):
        component("strange", text, **changes)


def test_the_bill_is_valid(text: Path, library: Item) -> None:
    """What scanners read is as CycloneDX's schema 1.6 says, without time or address."""
    one = component("a", text, hashes=("f" * 64,), needs=("b", "absent"), note="with b in it")
    contents = {one: [library, Item(name="a.b")], component("b", text): []}

    written = bill(product(), contents, None)

    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(written) is None
    document = json.loads(written)
    assert "timestamp" not in document["metadata"]
    assert ["liba.so.1"] == [entry["name"] for entry in document["components"][0]["components"]]
    assert {"ref": "pkg:pypi/a@1.0", "dependsOn": ["pkg:pypi/b@1.0"]} in document["dependencies"]


def test_the_bill_is_the_same_for_the_same_files(text: Path, library: Item) -> None:
    """Order of what was found changes nothing; another file changes the serial number."""
    a, b = component("a", text), component("b", text)

    first = bill(product(), {a: [library], b: []}, 1)

    assert first == bill(product(), {b: [], a: [library]}, 1)
    other = json.loads(bill(product(), {a: [], b: [library]}, 1))
    assert json.loads(first)["serialNumber"] != other["serialNumber"]
    assert "1970-01-01T00:00:01+00:00" == other["metadata"]["timestamp"]


def test_each_text_is_there_once(tmp_path: Path, text: Path) -> None:
    """Texts that differ in ends of lines only are one, with the names of all that it is of."""
    same, other = tmp_path / "COPYING", tmp_path / "NOTICE"
    same.write_text("Do as you like.  \n")
    other.write_text("Made by c.\n")

    written = licence_text([component("a", text), component("c", same, texts=(same, other))])

    assert 1 == written.count("Do as you like.")
    assert "Text 1, of a, c\n" in written
    assert "c  1.0  MIT  1 2\n" in written
