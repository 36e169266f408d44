# SPDX-License-Identifier: Apache-2.0
"""The cgroup of a container as its runtime is told it: cgroupsPath of the OCI specification."""

from __future__ import annotations

from ..errors import TetragonError

__all__ = ["cgroup_path"]

_SLICE = ".slice"


def cgroup_path(given: str) -> str:
    """A path as it is; `slice:prefix:name`, as systemd's driver has it, as the path it means.

    Raises TetragonError for anything else.
    """
    if "/" in given:
        return given
    slice_name, *rest = given.split(":")
    if len(rest) != 2:
        raise TetragonError(f"unknown cgroup path: {given!r}")
    scope, name = rest
    unit = name if name.endswith(_SLICE) else f"{scope}-{name}.scope"
    return f"{_slice_path(slice_name).rstrip('/')}/{unit}"


def _slice_path(name: str) -> str:
    """Directory of a slice: `a-b.slice` is in `a.slice` (systemd.slice(5))."""
    parts = name.removesuffix(_SLICE).split("-")
    if name == f"-{_SLICE}":
        return "/"
    if not name.endswith(_SLICE) or not all(parts):
        raise TetragonError(f"invalid slice name: {name!r}")
    ends = range(1, len(parts) + 1)
    return "".join(f"/{'-'.join(parts[:end])}{_SLICE}" for end in ends)
