# SPDX-License-Identifier: Apache-2.0
"""containerd starts hooks that are in the base specification of a CRI runtime.

Its settings get one line per runtime that names such a file; a file that is named already gets the
hook. It does not restart containerd, which reads both only at its start.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tetragon_core.errors import TetragonError, UsageError

from .files import content_of
from .place import Change, Place
from .settings import parsed, value_at
from .spec_hooks import has_hook, with_hook
from .toml_lines import append_table, insert_text

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CONFIG", "KEY", "base_spec_path", "plan", "problem"]

CONFIG: Final = Path("/etc/containerd/config.toml")
KEY: Final = "base_runtime_spec"
_TYPE: Final = "io.containerd.runc.v2"
_CRI: Final = {2: "io.containerd.grpc.v1.cri", 3: "io.containerd.cri.v1.runtime"}
"""Name of the plugin by version of the settings: containerd 1.x, and 2.x."""
_CTR_S: Final = 10


def base_spec_path(place: Place) -> Path:
    """The base specification of ours."""
    return place.directory / "containerd-base-spec.json"


def plan(place: Place) -> list[Change]:
    """The settings, and the base specifications that they name. Raises UsageError."""
    path = place.config_file or CONFIG
    before = content_of(place, path)
    content = before or b"version = 2\n"
    table = _runtimes_table(parsed(content, path), path)
    changes: dict[Path, Change] = {}
    runtimes = _runtimes(parsed(content, path), table)
    ours = base_spec_path(place)
    if not runtimes:
        values: dict[str, str | int] = {"runtime_type": _TYPE, KEY: str(ours)}
        content = append_table(content, path, [*table, "runc"], values)
        changes[ours] = _our_spec(place)
    for name, settings in runtimes.items():
        named = settings.get(KEY)
        if not named:
            content = insert_text(content, path, [*table, name], KEY, str(ours))
        spec = Path(str(named or ours))
        if spec not in changes:
            changes[spec] = _our_spec(place) if spec == ours else _their_spec(place, spec)
    changes[path] = Change(path=path, before=before, after=content)
    return list(changes.values())


def problem(place: Place) -> str:
    """Why containerd does not start the hook, as far as its files tell; empty if it does."""
    path = place.config_file or CONFIG
    content = content_of(place, path)
    if content is None:
        return f"{path} is not there"
    found = parsed(content, path)
    runtimes = _runtimes(found, _runtimes_table(found, path))
    for name, settings in runtimes.items():
        spec = Path(str(settings.get(KEY, "")))
        text = content_of(place, spec) if spec.is_absolute() else None
        if text is None or not has_hook(text, spec, place):
            return f"{path}: runtime {name} has no {KEY} with the hook"
    return "" if runtimes else f"{path} has no runtime of type {_TYPE}"


def _runtimes_table(content: Mapping[str, object], path: Path) -> list[str]:
    version = content.get("version", 1)
    if version not in _CRI:
        raise UsageError(
            f"{path}: version {version} of the settings is not known here, only 2 and 3;"
            " `containerd config migrate` prints a newer one"
        )
    return ["plugins", _CRI[version], "containerd", "runtimes"]


def _runtimes(content: Mapping[str, object], table: list[str]) -> dict[str, Mapping[str, object]]:
    """The runtimes that run runc or what takes its place; others have specifications of theirs."""
    found = value_at(content, table)
    if not isinstance(found, dict):
        return {}
    return {
        name: one
        for name, one in found.items()
        if isinstance(one, dict) and one.get("runtime_type", _TYPE) == _TYPE
    }


def _our_spec(place: Place) -> Change:
    path = base_spec_path(place)
    after = with_hook(_default_spec(place), path, place)
    return Change(path=path, before=content_of(place, path), after=after)


def _their_spec(place: Place, path: Path) -> Change:
    before = content_of(place, path) if path.is_absolute() else None
    if before is None:
        raise UsageError(f"containerd's settings name {path} as {KEY}, which is not there")
    return Change(path=path, before=before, after=with_hook(before, path, place))


def _default_spec(place: Place) -> bytes:
    """What containerd itself starts from."""
    if place.base_spec is not None:
        try:
            return place.base_spec.read_bytes()
        except OSError as error:
            raise UsageError(f"--base-spec {place.base_spec}: {error.strerror}") from error
    ctr = shutil.which("ctr")
    if ctr is None:
        raise UsageError(
            "ctr is not here to print containerd's default specification: give --base-spec FILE"
            " with what `ctr oci spec` prints on the host"
        )
    try:
        # The path is that of ctr, found in our PATH.
        done = subprocess.run([ctr, "oci", "spec"], capture_output=True, check=True, timeout=_CTR_S)  # noqa: S603  # as said
        json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise TetragonError(f"{ctr} oci spec failed: {error}") from error
    return done.stdout
