# SPDX-License-Identifier: Apache-2.0
"""What the runtime hands a hook: the state on standard input, and the container's config.json.

The bundle that the state names comes first: some runtimes start hooks inside the container's file
system, where a config.json may be the image's own.
"""

from __future__ import annotations

import os
import stat

from tetragon_core.errors import TetragonError

from . import json_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final

__all__ = ["PLACES", "Spec", "State", "find_spec", "read_state"]

PLACES: Final = ("config.json", "../config.json", "../userdata/config.json")
"""Where config.json is, seen from the working directory: containerd's and podman's bundle, runc's
createContainer, CRI-O."""

_MAX_STATE: Final = 4 * 2**20
_MAX_SPEC: Final = 16 * 2**20


class State:
    """OCI state, as far as it was given."""

    def __init__(self, content: Mapping[str, object]) -> None:
        self.id = _text(content.get("id"))
        self.bundle = _text(content.get("bundle"))
        pid = content.get("pid")
        self.pid = pid if isinstance(pid, int) and 0 < pid < 2**31 else 0
        self.annotations = content.get("annotations")


class Spec:
    """A config.json."""

    def __init__(
        self, path: str, directory: str, content: Mapping[str, object], *, is_in_bundle: bool
    ) -> None:
        self.path = path
        self.directory = directory
        """The bundle, or the working directory when the file is not in it."""
        self.content = content
        self.is_in_bundle = is_in_bundle


def read_state(descriptor: int) -> State:
    """The state from standard input. Raises TetragonError for anything else."""
    if os.isatty(descriptor):
        raise TetragonError("no OCI state on standard input: it is a terminal")
    data = _read(descriptor, _MAX_STATE, "the OCI state on standard input")
    content = _parsed(data, "the OCI state on standard input")
    if not isinstance(content, dict):
        raise TetragonError("no OCI state on standard input: no JSON object")
    return State(content)


def find_spec(bundle: str, working_directory: str) -> Spec:
    """Read the container's specification; raises TetragonError, saying where it was looked for."""
    places = [(bundle, PLACES[0])] if bundle.startswith("/") else []
    places += [(working_directory, place) for place in PLACES]
    for directory, place in places:
        path = os.path.normpath(os.path.join(directory, place))  # noqa: PTH118  # pathlib is slow
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise TetragonError(f"cannot read {path}: {error.strerror}") from error
        try:
            content = _read_spec(path, descriptor)
        finally:
            os.close(descriptor)
        return Spec(path, directory, content, is_in_bundle=place == PLACES[0])
    raise TetragonError(
        f"failed to find spec file: no {', '.join(PLACES)} in {working_directory}"
        + (f", no config.json in the bundle {bundle}" if bundle else "")
    )


def _read_spec(path: str, descriptor: int) -> Mapping[str, object]:
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        raise TetragonError(f"{path} is no regular file")
    content = _parsed(_read(descriptor, _MAX_SPEC, path), path)
    if not isinstance(content, dict):
        raise TetragonError(f"{path} is no OCI specification: no JSON object")
    return content


def _parsed(data: bytes, what: str) -> object:
    try:
        return json_text.loads(data)
    except TetragonError as error:
        raise TetragonError(f"{what}: {error}") from error


def _read(descriptor: int, limit: int, what: str) -> bytes:
    data = b""
    try:
        while more := os.read(descriptor, limit + 1 - len(data)):
            data += more
            if len(data) > limit:
                raise TetragonError(f"{what} is larger than {limit >> 20} MiB")
    except OSError as error:
        raise TetragonError(f"cannot read {what}: {error.strerror}") from error
    return data


def _text(value: object) -> str:
    return value if isinstance(value, str) and "\0" not in value else ""
