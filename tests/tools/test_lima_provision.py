# SPDX-License-Identifier: Apache-2.0
"""Functions of lima/provision, each run by sh with stand-ins for the programs they call."""

from __future__ import annotations

import hashlib
import subprocess
import tarfile
from typing import TYPE_CHECKING, Final

import pytest

from tools.provisioned import FETCH, Machine

if TYPE_CHECKING:
    from pathlib import Path

CURL: Final = """\
previous=
while [ $# -gt 0 ]; do
	[ "$1" = --output ] && previous=$2
	shift
done
printf '%s' "$CONTENT" >"$previous"
"""


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine with nothing but stand-ins for what would change this host."""
    return Machine(tmp_path)


def test_a_file_with_the_right_sum_is_kept(machine: Machine, tmp_path: Path) -> None:
    """It is downloaded once: a second call finds it."""
    machine.add("curl", CURL)
    wanted = hashlib.sha256(b"program").hexdigest()
    target = tmp_path / "a/program"
    function = f"fetch_checked https://x.example/program {wanted} {target}\n"

    done = machine.run("fetch-checked.sh", function * 2, CONTENT="program")

    assert (0, "program") == (done.returncode, target.read_text())
    assert 1 == len(machine.called())


def test_a_file_with_another_sum_is_not_left(machine: Machine, tmp_path: Path) -> None:
    """The error names both sums; neither the file nor a part of it is there."""
    machine.add("curl", CURL)
    target = tmp_path / "a/program"
    found = hashlib.sha256(b"other").hexdigest()

    done = machine.run(
        "fetch-checked.sh", f"fetch_checked https://x.example/p 00ff {target}", CONTENT="other"
    )

    assert 1 == done.returncode
    assert f"its SHA-256 is {found}, not 00ff" in done.stderr
    assert [] == list((tmp_path / "a").iterdir())


def test_a_download_that_fails_is_an_error(machine: Machine, tmp_path: Path) -> None:
    """The failure of the download ends it; nothing is installed."""
    machine.add("curl", "exit 22\n")

    done = machine.run("fetch-checked.sh", f"fetch_checked https://x.example/p 00 {tmp_path}/p")

    assert (1, True) == (done.returncode, "could not download https://x.example/p" in done.stderr)
    assert not (tmp_path / "p").exists()


def test_a_wrong_source_says_how_to_name_it(machine: Machine, tmp_path: Path) -> None:
    """Whoever forgot the parameter, whose default is the home folder, is told."""
    done = machine.run("agent.sh", "check_source", SOURCE=tmp_path)

    assert 1 == done.returncode
    assert """limactl start --set '.param.source="'"$PWD"'"'""" in done.stderr


def test_a_mount_may_come_later(machine: Machine, tmp_path: Path) -> None:
    """It is waited for, two minutes; one that is there is not."""
    source = tmp_path / "source"
    machine.add("sleep", f"[ $(grep -c sleep {machine.calls}) -lt 3 ] || mkdir -p {source}/tools\n")

    for expected in (3, 0):
        done = machine.run("agent.sh", "wait_for_source", SOURCE=source)
        assert (0, expected) == (done.returncode, len(machine.called()))
    machine.run("agent.sh", "wait_for_source", SOURCE=tmp_path / "never")
    assert 120 == len(machine.called())


def test_the_tree_is_cloned_once(machine: Machine, tmp_path: Path) -> None:
    """It is a clone of its own; a machine that starts again keeps what was changed in it."""
    source, tree = tmp_path / "source", tmp_path / "tree"
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@x.example", "-C", str(source)]
    subprocess.run(["git", "init", "-q", str(source)], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "first"], check=True)
    variables = {
        "SOURCE": source,
        "TREE": tree,
        "GIT_CONFIG_SYSTEM": tmp_path / "gitconfig",
    }

    first = machine.run("agent.sh", "fetch_source", **variables)
    (tree / "changed").touch()
    second = machine.run("agent.sh", "fetch_source", **variables)

    assert ((0, ""), (0, "")) == ((first.returncode, first.stderr), (second.returncode, ""))
    assert (tree / "changed").exists()
    assert 2 == (tmp_path / "gitconfig").read_text().count(str(source))


def test_what_is_built_and_installed_stays(machine: Machine, tmp_path: Path) -> None:
    """A second start of the machine neither builds nor installs."""
    tree, program = tmp_path / "tree", tmp_path / "program"
    (tree / "dist").mkdir(parents=True)
    subprocess.run(["git", "init", "-q", str(tree)], check=True)
    machine.add("git", "echo abc\n")
    built = tree / "dist/tetragon-mini"
    machine.add("make", f'printf "#!/bin/sh\\ncp \\$0 {program}\\n" >{built}; chmod +x {built}\n')

    for expected in ([f"make -C {tree} dist"], []):
        done = machine.run("agent.sh", "build_program; install_program", TREE=tree, PROGRAM=program)
        assert 0 == done.returncode, done.stderr
        assert expected == [line for line in machine.called() if line.startswith("make")]
    assert program.exists()


def test_nri_is_switched_on_once(machine: Machine, tmp_path: Path) -> None:
    """The rest of containerd's settings stays; a second start changes and restarts nothing."""
    settings = tmp_path / "config.toml"
    settings.write_text("version = 2\n")

    for expected in (["systemctl restart containerd"], []):
        done = machine.run("containerd.sh", "enable_nri", CONTAINERD_SETTINGS=settings)
        assert (0, expected) == (done.returncode, machine.called())
    wanted = 'version = 2\n\n[plugins."io.containerd.nri.v1.nri"]\n  disable = false\n'
    assert wanted == settings.read_text()


@pytest.mark.parametrize(
    ("machine_name", "debian_name"), [("x86_64", "amd64"), ("aarch64", "arm64")]
)
def test_nerdctl_is_of_the_machine(
    machine: Machine, tmp_path: Path, machine_name: str, debian_name: str
) -> None:
    """The archive and its sum are of the architecture, and only the program is taken from it."""
    (tmp_path / "nerdctl").write_text("program")
    with tarfile.open(tmp_path / "archive", "w:gz") as archive:
        archive.add(tmp_path / "nerdctl", "nerdctl")
    machine.add("uname", f"echo {machine_name}\n")
    machine.add("fetch", FETCH)
    programs = tmp_path / "programs"
    programs.mkdir()

    done = machine.run(
        "containerd.sh",
        "install_nerdctl; nerdctl_archive riscv64 || echo none",
        FETCH="fetch",
        ARCHIVE=tmp_path / "archive",
        PROGRAMS=programs,
        DOWNLOADS=tmp_path / "downloads",
        NERDCTL_SETTINGS=tmp_path / "etc/nerdctl.toml",
    )

    assert (0, "none\n") == (done.returncode, done.stdout)
    assert ["nerdctl"] == [path.name for path in programs.iterdir()]
    (fetched,) = {line for line in machine.called() if line.startswith("fetch")}
    assert f"-linux-{debian_name}.tar.gz" in fetched


def test_the_agent_is_told_once(machine: Machine, tmp_path: Path) -> None:
    """It is restarted when its settings changed, not at every start of the machine."""
    for expected in (["systemctl try-restart tetragon-mini"], []):
        done = machine.run("containerd.sh", "tell_agent", AGENT_SETTINGS=tmp_path / "conf.d")
        assert (0, expected) == (done.returncode, machine.called())
    assert "true\n" == (tmp_path / "conf.d/enable-nri").read_text()
