# SPDX-License-Identifier: Apache-2.0
"""Docker knows no hooks, but runtimes: one that adds the hook to a container and starts runc.

Its settings get the runtime, and everything else in them stays; whether containers use it without
asking for it is an option. It does not make Docker read them again.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tetragon_core.errors import UsageError

from .files import content_of
from .place import Change, Place

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["CONFIG", "RUNTIME", "plan", "problem", "scope", "without_runtime"]

CONFIG: Final = Path("/etc/docker/daemon.json")
RUNTIME: Final = "tetragon"
_DEFAULT: Final = "default-runtime"
_FOLDERS: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

_WRAPPER: Final = """\
#!/bin/sh
# Made by: tetragon-mini hook install --runtime docker
# Adds the hook to the container's config.json; all else is the runtime's.
case " $* " in
*" create "*) {command} -- "$@" </dev/null || exit 1 ;;
esac
exec {runtime} "$@"
"""


def wrapper_path(place: Place) -> Path:
    """The runtime that Docker is told."""
    return place.directory / "tetragon-runc"


def plan(place: Place) -> list[Change]:
    """The wrapper and the settings. Raises UsageError."""
    path = place.config_file or CONFIG
    before = content_of(place, path)
    settings = _parsed(before, path)
    runtimes = settings.setdefault("runtimes", {})
    if not isinstance(runtimes, dict):
        raise UsageError(f"{path}: runtimes is no object")
    wrapper = wrapper_path(place)
    ours = {"path": str(wrapper)}
    if runtimes.get(RUNTIME, ours) != ours:
        raise UsageError(
            f"{path}: somebody else has a runtime called {RUNTIME}; rename or remove that first"
        )
    runtimes[RUNTIME] = ours
    runtime = _wrapped(place, settings, path)
    if place.is_default_runtime:
        settings[_DEFAULT] = RUNTIME
    script = _WRAPPER.format(
        command=shlex.join(place.command("addToBundle")), runtime=shlex.quote(runtime)
    )
    return [
        Change(path=wrapper, before=content_of(place, wrapper), after=script.encode(), mode=0o755),
        Change(path=path, before=before, after=_written(settings, before)),
    ]


def problem(place: Place) -> str:
    """Why containers do not get the hook, as far as the settings tell; empty if they do."""
    path = place.config_file or CONFIG
    settings = _parsed(content_of(place, path), path)
    runtimes = settings.get("runtimes")
    if not isinstance(runtimes, dict) or RUNTIME not in runtimes:
        return f"{path} has no runtime {RUNTIME}"
    return ""


def scope(place: Place) -> str:
    """Which containers get the hook."""
    path = place.config_file or CONFIG
    if _parsed(content_of(place, path), path).get(_DEFAULT) == RUNTIME:
        return "starts the hook"
    return f"starts the hook for containers with --runtime {RUNTIME}"


def without_runtime(content: bytes, before: bytes | None, path: Path) -> bytes:
    """Settings that somebody has changed since, without the runtime."""
    settings, earlier = _parsed(content, path), _parsed(before, path)
    runtimes = settings.get("runtimes")
    if isinstance(runtimes, dict):
        runtimes.pop(RUNTIME, None)
        if not runtimes and "runtimes" not in earlier:
            del settings["runtimes"]
    if settings.get(_DEFAULT) == RUNTIME:
        del settings[_DEFAULT]
        if _DEFAULT in earlier:
            settings[_DEFAULT] = earlier[_DEFAULT]
    return _written(settings, content)


def _wrapped(place: Place, settings: dict[str, object], path: Path) -> str:
    """The runtime that is to be started: the one that containers have now."""
    if place.runtime_path is not None:
        return str(place.runtime_path)
    name, runtimes = settings.get(_DEFAULT), settings["runtimes"]
    if isinstance(name, str) and name not in {"runc", RUNTIME} and isinstance(runtimes, dict):
        found = runtimes.get(name)
        if isinstance(found, dict) and isinstance(found.get("path"), str):
            return str(found["path"])
        raise UsageError(f"{path}: {_DEFAULT} {name} has no path to wrap; give --runtime-path")
    folders = (str(place.seen(Path(one))) for one in _FOLDERS.split(":"))
    program = shutil.which("runc", path=os.pathsep.join(folders))
    if program is None:
        raise UsageError("runc is not in the usual folders: give --runtime-path")
    return f"/{Path(program).relative_to(place.host_root)}"


def _parsed(content: bytes | None, path: Path) -> dict[str, object]:
    try:
        found = json.loads(content) if content and content.strip() else {}
    except ValueError as error:
        raise UsageError(f"{path}: {error}") from error
    if not isinstance(found, dict):
        raise UsageError(f"{path}: wanted a JSON object")
    return found


def _written(settings: dict[str, object], like: bytes | None) -> bytes:
    """Indented as the file was."""
    rows: Sequence[bytes] = (like or b"").splitlines()
    indents = [row[: len(row) - len(row.lstrip())].decode() for row in rows if row[:1].isspace()]
    return f"{json.dumps(settings, indent=indents[0] if indents else 2)}\n".encode()
