# SPDX-License-Identifier: Apache-2.0
"""What whoever makes or owns a container can choose: it misleads nobody and breaks nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from runtimes.cgroup_directories import cgroup_of, made_cgroup, run_in
from runtimes.watching import Origin, watching

if TYPE_CHECKING:
    from pathlib import Path

    from runtimes.bundles import Bundles
    from runtimes.podman import Podman

IMAGES: Final = {
    "controls": 'a\x1b[31m"b\\c\n{"d": 1}\u202e\u2028',
    "emoji": "🐳" * 100,
    "flags": "--output=json -- $(reboot) %s",
}


@pytest.mark.parametrize("odd", IMAGES)
def test_odd_image(odd: str, crun: Bundles, workload: Path, tmp_path: Path) -> None:
    """Any text can be an image's name: events have it as it is."""
    annotations = {"org.opencontainers.image.ref.name": IMAGES[odd]}
    with watching(tmp_path, workload / "finish", crun) as watch:
        container = crun.start("odd", "true", "of-odd", annotations=annotations)
        said = watch.named(["of-odd"], "process_exec")
    crun.remove(container)

    assert {"of-odd": [Origin("odd", "crun://odd", "odd", IMAGES[odd])]} == said


def test_names_and_labels_of_podman(podman: Podman, workload: Path, tmp_path: Path) -> None:
    """The longest and oddest that podman takes, and 1 MB of labels: the container is named."""
    name = f"{'a' * 200}_-.{'z' * 40}"
    labels = [f"--label=key{number}={'🐳' * 250}" for number in range(100)]
    with watching(tmp_path, workload / "finish", podman) as watch:
        container = podman.start(name, "true", "of-long", options=("--annotation=a=b\nc", *labels))
        said = watch.named(["of-long"], "process_exec")
    podman.remove(container)

    assert {"of-long": [Origin.of(container, "podman")]} == said


def test_name_of_another(podman: Podman, workload: Path, tmp_path: Path) -> None:
    """A cgroup that a container names like another container's makes its processes nobody else's,
    and that container stays what it is.
    """
    finish = workload / "finish"
    with watching(tmp_path, finish, podman) as watch:
        bad, good = (podman.start(name, "sleep", "1234567") for name in ("bad", "good"))
        with made_cgroup(f"{cgroup_of(bad)}/libpod-{good.id}") as copy:
            run_in(copy, finish, "of-bad")
        podman.execute(good, "true", "of-good")
        names = ("of-bad", "of-good")
        said = watch.named(names, "process_exec")
    for container in (bad, good):
        podman.remove(container)

    assert {"of-bad": [Origin.of(bad, "podman")], "of-good": [Origin.of(good, "podman")]} == said


def test_cgroups_of_odd_names(podman: Podman, workload: Path, tmp_path: Path) -> None:
    """No name of a cgroup inside a container makes a process of it one of something else."""
    names = ("a b", "\x01\x02", "conmon", "f" * 64, f"docker-{'0' * 64}.scope", "kubepods.slice")
    with watching(tmp_path, workload / "finish", podman) as watch:
        container = podman.start("odd-cgroups", "sleep", "1234567")
        for number, name in enumerate(names):
            with made_cgroup(f"{cgroup_of(container)}/{name}") as inner:
                run_in(inner, workload / "finish", f"of-{number}")
        texts = [f"of-{number}" for number in range(len(names))]
        said = watch.named(texts, "process_exec")
    podman.remove(container)

    right = Origin.of(container, "podman")
    assert {text: [right] for text in texts} == said
