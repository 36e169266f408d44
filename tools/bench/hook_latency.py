# SPDX-License-Identifier: Apache-2.0
"""What the hook adds to the start of a container, by runtime: the test level `runtimes` has these.

    PYTHONPATH=tools:tests python -m bench.hook_latency [--hook OTHER_HOOK]

Needs root, the executable and `tools/setup runtimes`. Starts without and with the hook alternate.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Final

from runtimes.bundles import open_bundles
from runtimes.docker import open_docker
from runtimes.images import make_image
from runtimes.podman import open_podman
from runtimes.unpacked import write_commands
from tetragon_crio_hook.install import docker, hooks_d
from tetragon_crio_hook.install.place import Place

from .hook import installed_hook
from .programs import agent
from .table import lines

if TYPE_CHECKING:
    from collections.abc import Callable

    from runtimes.model import Started

ROOT: Final = Path(__file__).resolve().parents[2]
WITHOUT: Final = "without"
OURS: Final = "with the hook"
OTHER: Final = "with the other"


class Bench:
    """Runtimes below a folder, and the command lines of hooks."""

    def __init__(
        self, stack: ExitStack, directory: Path, hooks: dict[str, Place], runs: int
    ) -> None:
        """`runs`: of each start."""
        self._runs = runs
        self._stack = stack
        self._directory = directory
        self._hooks = hooks
        self._numbers = count()
        self._image = make_image(directory / "image")
        self._commands = write_commands(directory / "commands", "bookworm")

    def podman(self, runtime: str) -> dict[str, float]:
        """By hooks.d."""
        place = self._folder(f"podman-{runtime}")
        podman = self._stack.enter_context(open_podman(place, self._commands, self._image, runtime))

        def start(name: str, label: str) -> Started:
            file = podman.hooks / "hook.json"
            file.unlink(missing_ok=True)
            if label in self._hooks:
                file.write_bytes(hooks_d.hook_file(self._hooks[label].command("createRuntime")))
            return podman.start(name, "sleep", "100")

        return self._fastest(start, podman.remove)

    def alone(self, runtime: str) -> dict[str, float]:
        """In the bundle's own specification."""
        place = self._folder(runtime)
        bundles = self._stack.enter_context(
            open_bundles(place, self._commands, self._image, runtime)
        )

        def start(name: str, label: str) -> Started:
            words = self._hooks[label].command("createRuntime") if label in self._hooks else []
            hooks = {"createRuntime": [{"path": words[0], "args": words}]} if words else {}
            return bundles.start(name, "sleep", "100", hooks=hooks)

        return self._fastest(start, bundles.remove)

    def docker(self) -> dict[str, float]:
        """By the wrapper, for ours."""
        place = self._folder("docker")
        daemon = self._stack.enter_context(open_docker(place, self._commands, self._image))
        our = self._hooks[OURS]
        settings = place / "daemon.json"
        ours = Place(
            directory=our.directory,
            hook_arguments=our.hook_arguments,
            config_file=settings,
            runtime_path=self._commands / "runc",
        )
        for change in docker.plan(ours):
            change.path.write_bytes(change.after)
            change.path.chmod(0o755)
        daemon.restart_daemon()

        def start(name: str, label: str) -> Started:
            options = ("--runtime", docker.RUNTIME) if label == OURS else ()
            return daemon.start(name, "sleep", "100", options=options)

        return self._fastest(start, daemon.remove, (WITHOUT, OURS))

    def _folder(self, name: str) -> Path:
        place = self._directory / name
        place.mkdir()
        return place

    def _fastest(
        self,
        start: Callable[[str, str], Started],
        remove: Callable[[Started], None],
        labels: tuple[str, ...] = (),
    ) -> dict[str, float]:
        """Milliseconds of the fastest start, the different ones in turn."""
        took: dict[str, list[float]] = {one: [] for one in labels or (WITHOUT, *self._hooks)}
        for _ in range(self._runs):
            for label, values in took.items():
                name = f"latency-{next(self._numbers)}"
                before = time.monotonic()
                started = start(name, label)
                values.append((time.monotonic() - before) * 1000)
                remove(started)
        return {label: min(values) for label, values in took.items()}


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.hook_latency", description=__doc__)
    parser.add_argument("--hook", type=Path, help="another OCI hook, to compare ours with")
    parser.add_argument("--runs", type=int, default=15, help="of each (%(default)s)")
    parser.add_argument("--program", type=Path, default=ROOT / "dist/tetragon-mini")
    options = parser.parse_args()
    program = options.program
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tm-")))
        installed = stack.enter_context(installed_hook(program, directory))
        (directory / "run").mkdir()
        stack.enter_context(agent([str(program)], directory / "run"))
        address = (f"--grpc-address=unix://{directory}/run/tetragon.sock",)
        hooks = {OURS: Place(directory=installed.parent, hook_arguments=address)}
        if options.hook is not None:
            (directory / "other").mkdir()
            (directory / "other/tetragon-oci-hook").symlink_to(options.hook)
            hooks[OTHER] = Place(directory=directory / "other", hook_arguments=address)
        bench = Bench(stack, directory, hooks, options.runs)
        figures = {
            "podman and runc": bench.podman("runc"),
            "podman and crun": bench.podman("crun"),
            "runc": bench.alone("runc"),
            "crun": bench.alone("crun"),
            "docker": bench.docker(),
        }
        rows = [("ms until the container runs", WITHOUT, f"{OURS} / {OTHER}")]
        for name, took in figures.items():
            others = " / ".join(f"{took[one]:.0f}" for one in (OURS, OTHER) if one in took)
            rows.append((name, f"{took[WITHOUT]:.0f}", others))
        print("\n".join(lines(rows)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
