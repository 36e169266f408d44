# SPDX-License-Identifier: Apache-2.0
"""Finds the compiled BPF objects, which are data of this package in every form it is shipped in."""

from __future__ import annotations

from importlib import resources

from tetragon_core.errors import TetragonError

__all__ = ["read_object"]


def read_object(name: str) -> bytes:
    """Content of `name`.bpf.o. Raises TetragonError when the package was not built."""
    path = resources.files(__package__).joinpath("_objects", f"{name}.bpf.o")
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise TetragonError(
            f"BPF object {name}.bpf.o is missing from the installation: run `make bpf`"
        ) from None
