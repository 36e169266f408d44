# SPDX-License-Identifier: Apache-2.0
"""Installing for each runtime, on the files of a host that is a folder."""

from __future__ import annotations

import json
import subprocess
import tomllib
from typing import TYPE_CHECKING, Any

import pytest

from tetragon_core.errors import PermissionDeniedError, TetragonError, UsageError
from tetragon_crio_hook.install import installer
from tetragon_crio_hook.install.place import Place
from tetragon_crio_hook.install.status import status_lines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RUNC = '[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]\n'
TOML = f'version = 2\n# mine\n  {RUNC}  runtime_type = "io.containerd.runc.v2" # x\n'
DAEMON = '{\n    "debug": true, "runtimes": {"kata": {"path": "/kata"}}\n}'
PROGRAM = "/opt/tetragon/tetragon-oci-hook"


class Host:
    """A folder as a host's file system."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.write("/usr/bin/runc", "")
        (root / "usr/bin/runc").chmod(0o755)
        self.write("/base.json", '{"ociVersion": "1.1"}')

    def write(self, path: str, text: str) -> None:
        """A file with the folders above it."""
        seen = self.root / path.lstrip("/")
        seen.parent.mkdir(parents=True, exist_ok=True)
        seen.write_text(text)

    def read(self, path: str) -> str:
        """A file's text."""
        return (self.root / path.lstrip("/")).read_text()

    def place(self, **fields: Any) -> Place:
        """Where to install."""
        return Place(host_root=self.root, base_spec=self.root / "base.json", **fields)

    def install(self, runtime: str, **fields: Any) -> list[str]:
        """Install; what was said."""
        said: list[str] = []
        installer.install(runtime, self.place(**fields), said.append)
        return said

    def uninstall(self, runtime: str) -> list[str]:
        """Uninstall; what was said."""
        said: list[str] = []
        installer.uninstall(runtime, self.place(), said.append)
        return said

    def everything(self) -> dict[str, tuple[int, bytes]]:
        """Paths with modes and contents."""
        return {
            str(path): (path.stat().st_mode, path.read_bytes() if path.is_file() else b"")
            for path in self.root.rglob("*")
        }


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    """With runc and settings."""
    host = Host(tmp_path)
    host.write("/etc/containerd/config.toml", TOML)
    host.write("/etc/docker/daemon.json", DAEMON)
    return host  # type: ignore[return-value]  # a fixture


@pytest.mark.parametrize("with_settings", [True, False])
def test_a_round_trip_leaves_no_trace(host: Host, *, with_settings: bool) -> None:
    """All runtimes, twice, and back in another order: every byte and folder is as before."""
    if not with_settings:
        (host.root / "etc/containerd/config.toml").unlink()
        (host.root / "etc/docker/daemon.json").unlink()
    before = host.everything()

    for _ in range(2):
        for runtime in installer.RUNTIMES:
            host.install(runtime, hook_arguments=("--log-level=debug",))
    for runtime in ("docker", "crio", "containerd", "podman"):
        host.uninstall(runtime)

    assert before == host.everything()


def test_hooks_d(host: Host) -> None:
    """Version 1.0.0: always, at createRuntime, with the arguments given."""
    host.install("crio", hook_arguments=("--fail-allow-namespaces=a,b",))

    arguments = [PROGRAM, "createRuntime", "--log-fname", "/opt/tetragon/tetragon-oci-hook.log"]
    assert {
        "version": "1.0.0",
        "hook": {"path": PROGRAM, "args": [*arguments, "--fail-allow-namespaces=a,b"]},
        "when": {"always": True},
        "stages": ["createRuntime"],
    } == json.loads(host.read("/usr/share/containers/oci/hooks.d/tetragon-oci-hook.json"))


@pytest.mark.parametrize(
    ("text", "table"),
    [
        (TOML, "io.containerd.grpc.v1.cri"),
        (TOML.replace("\n", "\r\n"), "io.containerd.grpc.v1.cri"),
        ("version = 3\n", "io.containerd.cri.v1.runtime"),
        (f'version = 2\na = """\n{RUNC}"""\n', "io.containerd.grpc.v1.cri"),
        (f"version = 2\n{RUNC}".rstrip("\n"), "io.containerd.grpc.v1.cri"),
    ],
)
def test_containerd(host: Host, text: str, table: str) -> None:
    """One line more in the settings; the base specification has the hook."""
    host.write("/etc/containerd/config.toml", text)
    host.install("containerd")

    found = tomllib.loads(host.read("/etc/containerd/config.toml"))
    runtime = found["plugins"][table]["containerd"]["runtimes"]["runc"]
    assert "/opt/tetragon/containerd-base-spec.json" == runtime["base_runtime_spec"]
    spec = json.loads(host.read(runtime["base_runtime_spec"]))
    assert ("1.1", PROGRAM) == (spec["ociVersion"], spec["hooks"]["createRuntime"][0]["path"])
    assert [] == [
        line for line in text.splitlines() if line not in host.read("/etc/containerd/config.toml")
    ]


def test_containerd_with_a_base_specification(host: Host) -> None:
    """It gets the hook beside its own ones, and is put back."""
    spec = '{"hooks": {"createRuntime": [{"path": "/other"}]}, "x": 1.0}'
    host.write("/etc/base.json", spec)
    text = f'{TOML}  base_runtime_spec = "/etc/base.json"\n'
    host.write("/etc/containerd/config.toml", text)
    host.install("containerd")

    hooks = json.loads(host.read("/etc/base.json"))["hooks"]["createRuntime"]
    assert ["/other", PROGRAM] == [hook["path"] for hook in hooks]
    assert text == host.read("/etc/containerd/config.toml")
    host.uninstall("containerd")
    assert spec == host.read("/etc/base.json")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[plugins]\n", "version 1 of the settings is not known"),
        ("version = 2\n[", "config.toml: "),
        (
            'version = 2\nplugins."io.containerd.grpc.v1.cri".containerd.runtimes = {runc={}}\n',
            "cannot be edited safely: put base_runtime_spec",
        ),
        (f'{TOML}  base_runtime_spec = "/none"\n', "name /none as base_runtime_spec, which is not"),
    ],
)
def test_containerd_settings_that_are_refused(host: Host, text: str, expected: str) -> None:
    """Before anything is written."""
    host.write("/etc/containerd/config.toml", text)
    before = host.everything()
    with pytest.raises(UsageError, match=expected):
        host.install("containerd")

    assert before == host.everything()


def test_docker(host: Host) -> None:
    """Other settings stay; the wrapper starts the runtime that containers had."""
    host.write("/etc/docker/daemon.json", DAEMON.replace("{\n", '{"default-runtime": "kata",\n', 1))
    host.install("docker", is_default_runtime=True)

    wrapper = "/opt/tetragon/tetragon-runc"
    assert {
        "default-runtime": "tetragon",
        "debug": True,
        "runtimes": {"kata": {"path": "/kata"}, "tetragon": {"path": wrapper}},
    } == json.loads(host.read("/etc/docker/daemon.json"))
    assert 'exec /kata "$@"' in host.read(wrapper)
    subprocess.run(["/bin/sh", "-n", host.root / wrapper[1:]], check=True)


def test_a_runtime_of_the_same_name(host: Host) -> None:
    """Somebody else's stays, and nothing is installed."""
    host.write("/etc/docker/daemon.json", '{"runtimes": {"tetragon": {"path": "/theirs"}}}')
    before = host.everything()

    with pytest.raises(UsageError, match="somebody else has a runtime called tetragon"):
        host.install("docker")

    assert before == host.everything()


def test_settings_that_were_changed_since(host: Host) -> None:
    """Only the hook's part is taken out; what others have written stays."""
    for runtime in ("docker", "containerd"):
        host.install(runtime, is_default_runtime=True)
    daemon = json.loads(host.read("/etc/docker/daemon.json")) | {"later": 1}
    host.write("/etc/docker/daemon.json", json.dumps(daemon))
    toml = host.read("/etc/containerd/config.toml") + "# later\n"
    host.write("/etc/containerd/config.toml", toml)
    said = [*host.uninstall("docker"), *host.uninstall("containerd")]

    assert json.loads(DAEMON) | {"later": 1} == json.loads(host.read("/etc/docker/daemon.json"))
    assert f"{TOML}# later\n" == host.read("/etc/containerd/config.toml")
    assert 2 == sum("was changed since" in line for line in said)


def test_what_is_not_installed(host: Host) -> None:
    """It is not uninstalled; a damaged record is told."""
    with pytest.raises(UsageError, match="not installed for podman in /opt/tetragon: none"):
        host.uninstall("podman")
    host.write("/opt/tetragon/installed.json", "{}")
    with pytest.raises(TetragonError, match=r"installed.json is damaged"):
        host.uninstall("podman")


def test_a_folder_that_others_can_write_to(host: Host) -> None:
    """No program that runs as root is put there."""
    (host.root / "opt").mkdir()
    (host.root / "opt").chmod(0o777)
    with pytest.raises(PermissionDeniedError, match="can be changed by others than root"):
        host.install("crio")


def test_status(host: Host) -> None:
    """Each line tells whether it is as it should be."""

    def told() -> list[tuple[bool, str]]:
        lines = status_lines(host.place(), "unix:///nowhere/a.sock")
        return [(is_right, text.partition(":")[0]) for is_right, text in lines]

    assert [
        (False, "not installed in /opt/tetragon"),
        (False, "agent"),
        (True, "last run"),
    ] == told()
    for runtime in installer.RUNTIMES:
        host.install(runtime)
    names = ("program", *installer.RUNTIMES)
    assert [(True, name) for name in names] == told()[:5]

    host.write("/opt/tetragon/tetragon-oci-hook", "old")
    host.write("/etc/containers/containers.conf", '[engine]\nhooks_dir = ["/else"]\n')
    host.write("/etc/docker/daemon.json", "{}")
    (host.root / "usr/share/containers/oci/hooks.d/tetragon-oci-hook.json").unlink()
    host.write("/etc/containerd/config.toml", TOML)
    host.write("/opt/tetragon/tetragon-oci-hook.log", '{"time":"t","level":"WARN","msg":"m"}\n')
    assert [(False, name) for name in (*names, "agent", "last run")] == told()


def test_the_program_runs(host: Host, tmp_path: Path) -> None:
    """What is installed is a program that needs no environment."""
    host.install("podman")
    program = tmp_path / PROGRAM[1:]
    done = subprocess.run(
        [program, "--just-print-config", "x"], env={}, capture_output=True, text=True, check=True
    )

    assert "log-fname: /opt/tetragon/tetragon-oci-hook.log\n" in done.stdout


def test_installing_again_replaces_arguments(host: Host) -> None:
    """And what was there before the first time is what comes back."""
    path = "/etc/containers/oci/hooks.d/tetragon-oci-hook.json"
    host.write(path, "somebody's")
    host.install("podman", hook_arguments=("--log-level=debug",))
    host.install("podman")
    assert "debug" not in host.read(path)
    host.uninstall("podman")

    assert "somebody's" == host.read(path)


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("--no-such-flag", "unknown flag --no-such-flag"),
        ("--grpc-timeout=soon", "--grpc-timeout soon"),
        ("--fail-cel-expr=1 == 1", "the installed program has no CEL"),
    ],
)
def test_arguments_that_would_stop_every_container(
    host: Host, argument: str, expected: str
) -> None:
    """They are refused before anything is written."""
    before = host.everything()
    with pytest.raises(UsageError, match=expected):
        host.install("crio", hook_arguments=(argument,))

    assert before == host.everything()
