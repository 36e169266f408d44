# SPDX-License-Identifier: Apache-2.0
"""`hook`: what runtimes start, and what people install it with."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., subprocess.CompletedProcess[str]]

PROGRAM = "/opt/tetragon/tetragon-oci-hook"
PODMAN = "/etc/containers/oci/hooks.d/tetragon-oci-hook.json"
CRIO = "/usr/share/containers/oci/hooks.d/tetragon-oci-hook.json"


def arguments(root: Path, file: str) -> list[str]:
    """The hook's words in a file of hooks.d, after the program and its log."""
    content: dict[str, Any] = json.loads((root / file[1:]).read_text())
    words: list[str] = content["hook"]["args"]
    return words[4:]


def test_a_dry_run_changes_nothing(run_client: Run, tmp_path: Path) -> None:
    """It shows the differences."""
    done = run_client("hook", "install", "--runtime=podman", f"--host-root={tmp_path}", "--dry-run")

    assert (0, "") == (done.returncode, done.stderr)
    assert f"+++ {PODMAN}\n" in done.stdout
    assert done.stdout.endswith(f"would write {PROGRAM}\n")
    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("runtime", "words", "expected"),
    [
        ("crio", (), []),
        ("podman", (), ["--fail-cel-expr=false"]),
        ("crio", ("--on-failure=start",), ["--fail-cel-expr=false"]),
        ("podman", ("--on-failure=stop", "--", "--log-level=debug"), ["--log-level=debug"]),
    ],
)
def test_what_happens_on_failure(
    runtime: str, words: tuple[str, ...], expected: list[str], run_client: Run, tmp_path: Path
) -> None:
    """Containers without namespaces start unless asked otherwise; words after -- are the hook's."""
    options = (f"--runtime={runtime}", f"--host-root={tmp_path}")
    run_client("hook", "install", *options, *words)

    assert expected == arguments(tmp_path, {"crio": CRIO, "podman": PODMAN}[runtime])


def test_install_status_uninstall(run_client: Run, tmp_path: Path) -> None:
    """Each says what it did; status has an exit code, and needs an agent to be content."""
    root = f"--host-root={tmp_path}"
    installed = run_client("hook", "install", "--runtime=crio", root)
    status = run_client("hook", "status", root, "--grpc-address=unix:///nowhere")
    would = run_client("hook", "uninstall", "--runtime=crio", root, "--dry-run")
    removed = run_client("hook", "uninstall", "--runtime=crio", root)

    assert f"wrote {PROGRAM}\nwrote {CRIO}\nCRI-O reads new hooks by itself\n" == installed.stdout
    assert (1, "ok   crio: starts the hook") == (status.returncode, status.stdout.splitlines()[1])
    assert "BAD  agent: cannot connect" in status.stdout
    assert f"would remove {CRIO}\n" == would.stdout
    assert 0 == removed.returncode
    assert [] == list(tmp_path.iterdir())


def test_print_config(run_client: Run) -> None:
    """The file for hooks.d."""
    done = run_client("hook", "print-config", "--dir=/a", "--", "--log-level=warn")

    words = ["/a/tetragon-oci-hook", "createRuntime", "--log-fname", "/a/tetragon-oci-hook.log"]
    assert [*words, "--log-level=warn"] == json.loads(done.stdout)["hook"]["args"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("install",), "Missing option '--runtime'"),
        (("install", "--runtime=lxc"), "'lxc' is not one of 'crio'"),
        (("install", "--runtime=crio", "--dir=opt"), "--dir opt: wanted a path from /"),
        (("uninstall", "--runtime=crio", "--dir=/nowhere"), "not installed for crio in /nowhere"),
        (("createRuntime", "--bogus"), "hook: unknown flag --bogus"),
    ],
)
def test_wrong_use(words: tuple[str, ...], expected: str, run_client: Run) -> None:
    """Exit code 2 and one line."""
    done = run_client("hook", *words)

    assert (2, 1) == (done.returncode, done.stderr.count("\n"))
    assert expected in done.stderr


def test_the_whole_program_has_cel(run_client: Run, tmp_path: Path) -> None:
    """As a hook it fails the container when the expression says so."""
    annotations = {"io.kubernetes.pod.namespace": "a"}
    (tmp_path / "config.json").write_text(json.dumps({"annotations": annotations}))
    words = ("createRuntime", "--grpc-address=unix:///nowhere", f"--log-fname={tmp_path}/log")
    codes = [
        run_client(
            *("hook", *words, f"--fail-cel-expr=annotations.size() == {size}"),
            text=json.dumps({"bundle": str(tmp_path)}),
        ).returncode
        for size in (0, 1)
    ]

    assert [0, 1] == codes
