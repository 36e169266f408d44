# SPDX-License-Identifier: Apache-2.0
"""The templates of lima/ are ones that Lima takes, for both architectures, with all pinned."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest

from contract.lima_templates import LIMA, TEMPLATES, merged, read, wrong_keys

BASE: Final = "tetragon-mini.yaml"
OVERLAYS: Final = tuple(name for name in TEMPLATES if name != BASE)
SCRIPTS: Final = tuple(sorted(LIMA.glob("provision/*.sh")))
TEXTS: Final = (*(LIMA / name for name in TEMPLATES), *SCRIPTS)
ARCHITECTURES: Final = {"x86_64", "aarch64"}

template_names = pytest.mark.parametrize("name", TEMPLATES)


def entries(name: str, key: str) -> list[dict[str, Any]]:
    """The list of that key in the merged template."""
    found = merged(name).get(key, [])
    assert isinstance(found, list)
    return found


def test_every_template_is_here() -> None:
    """There is one base and an overlay for each kind of runtime."""
    expected = {BASE, "tetragon-mini-containerd.yaml", "tetragon-mini-crio.yaml"}
    assert expected == set(TEMPLATES)
    assert [BASE] * len(OVERLAYS) == [read(name)["base"] for name in OVERLAYS]


@template_names
def test_keys_are_of_lima(name: str) -> None:
    """Lima refuses a key it does not know and a value of another type."""
    assert [] == wrong_keys(read(name))


def test_a_wrong_key_is_found() -> None:
    """A misspelt key and a wrong type are told with their place."""
    wrong = {"cpu": 2, "mounts": [{"location": 1}], "provision": {}}

    expected = [".cpu is no key", ".mounts[0].location is 1", ".provision is {}"]
    assert expected == wrong_keys(wrong)


@template_names
def test_both_architectures_have_an_image_with_a_checksum(name: str) -> None:
    """Each image is one dated build, named by its SHA-512."""
    images = entries(name, "images")

    assert {image["arch"] for image in images} == ARCHITECTURES
    for image in images:
        assert re.fullmatch(r"sha512:[0-9a-f]{128}", image["digest"])
        assert "latest" not in image["location"]
        assert image["location"].startswith("https://")
    assert len(images) == len({image["digest"] for image in images})


@template_names
def test_an_overlay_changes_what_it_says_and_nothing_else(name: str) -> None:
    """Of the base remain images, mounts, parameters and forwarded ports; its scripts come first."""
    whole, base = merged(name), merged(BASE)

    for key in ("images", "mounts", "param", "portForwards", "containerd"):
        assert base[key] == whole[key]
    for key in ("provision", "probes"):
        assert entries(BASE, key) == entries(name, key)[: len(entries(BASE, key))]
    assert "base" not in whole


@template_names
def test_a_provision_has_exactly_one_source(name: str) -> None:
    """A file that is here, by a path that Lima allows, or a script; a file to write has a path."""
    for one in entries(name, "provision"):
        assert ("script" in one) != ("file" in one)
        assert one["mode"] in {"system", "data"}
        assert ("path" in one) == (one["mode"] == "data")
        if "file" in one:
            assert ".." not in Path(one["file"]).parts
            assert (LIMA / one["file"]).is_file()
        else:
            assert one["script"].startswith("#!/bin/sh\n")


def test_every_script_is_used() -> None:
    """Of provision/ each file is of a template."""
    used = {one.get("file") for name in TEMPLATES for one in entries(name, "provision")}
    assert {f"provision/{path.name}" for path in SCRIPTS} <= used


@template_names
def test_a_probe_says_what_to_look_at(name: str) -> None:
    """A probe ends by itself, and when it fails there is a command to go on with."""
    for probe in entries(name, "probes"):
        assert probe["script"].startswith("#!/bin/sh\n")
        assert "timeout" in probe["script"]
        assert "limactl shell {{.Name}}" in probe["hint"]


@template_names
def test_the_socket_is_forwarded_and_open_ports_are_not(name: str) -> None:
    """A client on the computer gets the socket; ports that ask nobody who they are stay inside."""
    forwards = entries(name, "portForwards")

    sockets = [one for one in forwards if "guestSocket" in one]
    assert ["/run/tetragon/tetragon.sock"] == [one["guestSocket"] for one in sockets]
    assert sockets[0]["hostSocket"].startswith("{{.Dir}}/")
    assert {54321, 6789} == {one["guestPort"] for one in forwards if one.get("ignore")}


@template_names
def test_parameters_are_used(name: str) -> None:
    """Lima refuses a parameter that nothing refers to."""
    param = merged(name)["param"]
    assert isinstance(param, dict)
    text = str(entries(name, "mounts")) + str(entries(name, "provision"))
    for key in param:
        assert f".Param.{key}" in text


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_are_plain_shell(path: Path) -> None:
    """No script has what Lima would expand as its template; each parses as POSIX shell."""
    text = path.read_text()

    assert "{{" not in text
    assert text.startswith("#!/bin/sh\n# SPDX-License-Identifier: Apache-2.0\n")
    assert "\nset -eu\n" in text
    subprocess.run(["sh", "-n", str(path)], check=True)
    if shutil.which("shellcheck"):
        subprocess.run(["shellcheck", str(path)], check=True)


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_nothing_is_run_as_it_comes(path: Path) -> None:
    """Nothing that is downloaded is run or believed without a checksum."""
    text = path.read_text()

    assert not re.search(r"(curl|wget)[^\n|]*\|", text)
    downloads = [line for line in text.splitlines() if re.search(r"\b(curl|wget) -", line)]
    assert [] == [line for line in downloads if path.name != "fetch-checked.sh"]
    for match in re.finditer(r'"\$FETCH" (.+\\\n.+)', text):
        assert re.search(r'"\$sum"|\{archive#\* \}', match[1])


def test_addresses_are_complete_for_both_architectures() -> None:
    """Whatever has a checksum for one architecture has another one for the other."""
    for path in SCRIPTS:
        sums = re.findall(r"\b[0-9a-f]{64}\b", path.read_text())
        names = re.findall(
            r"^\t[\w-]*?(x86_64|aarch64|amd64|arm64)\) echo", path.read_text(), re.MULTILINE
        )
        assert len(sums) == len(set(sums)) == len(names)
        is_x86 = [name in {"x86_64", "amd64"} for name in names]
        assert len(names) == 2 * sum(is_x86)
