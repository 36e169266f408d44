# SPDX-License-Identifier: Apache-2.0
"""The hook that the executable installs: a program of its own, which unpacks nothing."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

from exe.executables import DEADLINE_S, running_agent, start

if TYPE_CHECKING:
    from pathlib import Path

STARTS = 7


def run(executable: Path, *words: str) -> str:
    """What it prints; it ends well."""
    process = start(executable, *words)
    output, errors = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 0, errors
    return output


def install(executable: Path, directory: Path) -> Path:
    """Install for podman below `directory`; the program."""
    run(executable, "hook", "install", "--runtime=podman", *options(directory))
    return directory / "opt/tetragon/tetragon-oci-hook"


def options(directory: Path) -> tuple[str, ...]:
    """Where it is installed."""
    return (f"--dir={directory}/opt/tetragon", f"--config={directory}/hooks.d")


def cpu_s(*command: str | Path) -> float:
    """CPU of one run and its children, the median of a few."""
    costs = []
    for _ in range(STARTS):
        process = subprocess.Popen(command, env={}, stdin=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0
        costs.append(usage.ru_utime + usage.ru_stime)
    return sorted(costs)[STARTS // 2]


def test_the_installed_program_works_alone(executable: Path, tmp_path: Path) -> None:
    """Without the executable, an environment or its folder's usual place it tells the agent."""
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    spec: dict[str, Any] = {"linux": {"cgroupsPath": "/a/b"}, "annotations": {"k": "v" * 100_000}}
    (bundle / "config.json").write_text(json.dumps(spec))
    program = install(executable, tmp_path)
    with running_agent(executable, tmp_path) as address:
        done = subprocess.run(
            [program, "createRuntime", f"--grpc-address={address}"],
            cwd="/",
            env={},
            input=json.dumps({"id": "0abc", "bundle": str(bundle)}),
            capture_output=True,
            text=True,
            check=False,
        )
        told = run(executable, "hook", "status", f"--grpc-address={address}", *options(tmp_path))

    assert (0, "") == (done.returncode, done.stderr)
    assert ["ok"] * 4 == [line.partition(" ")[0] for line in told.splitlines()], told


def test_starting_it_costs_less(executable: Path, tmp_path: Path) -> None:
    """A start of the executable takes more, though it is unpacked already."""
    program = install(executable, tmp_path)

    assert cpu_s(program, "createContainer") < cpu_s(executable, "version")


def test_failures_need_parts_that_are_there(executable: Path, tmp_path: Path) -> None:
    """Patterns, the error of broken JSON, and a log that is put aside, from the small program."""
    program = install(executable, tmp_path)
    log = program.with_name("tetragon-oci-hook.log")
    log.write_bytes(b"x" * (50 * 10**6 + 1))
    state = {"annotations": {"io.kubernetes.pod.namespace": "team-a"}}
    words = ("createRuntime", "--fail-allow-namespaces-regex=^team-")
    results = [
        subprocess.run(
            [program, *words],
            cwd="/",
            env={},
            input=text,
            capture_output=True,
            text=True,
            check=False,
        )
        for text in (json.dumps(state), "{")
    ]

    assert [0, 1] == [one.returncode for one in results], results
    assert "no JSON: Expecting property name" in log.read_text()
    assert 1 == len(list(program.parent.glob("tetragon-oci-hook-*.log")))


def test_damage_is_seen_and_mended(executable: Path, tmp_path: Path) -> None:
    """A file of the program that was changed: status tells, installing again writes it."""
    program = install(executable, tmp_path)
    (folder,) = program.parent.glob("hook-*")
    (folder / "base_library.zip").write_bytes(b"")
    process = start(executable, "hook", "status", *options(tmp_path))
    told, _ = process.communicate(timeout=DEADLINE_S)
    install(executable, tmp_path)
    subprocess.run([program, "--just-print-config", "x"], env={}, check=True)
    run(executable, "hook", "uninstall", "--runtime=podman", *options(tmp_path))

    assert (1, True) == (process.returncode, "of another version, or damaged" in told)
    assert [] == [path for path in tmp_path.iterdir() if path != executable]
