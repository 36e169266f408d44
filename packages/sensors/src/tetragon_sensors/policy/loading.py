# SPDX-License-Identifier: Apache-2.0
"""Linked programs into the kernel, with the types of their functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tetragon_sensors.kernel.calls import AttachKind, close_fd
from tetragon_sensors.kernel.programs import Functions, load_btf, load_program

if TYPE_CHECKING:
    from tetragon_sensors.kernel.programs import Program, ProgramKind
    from tetragon_sensors.program.linker import LinkedProgram

__all__ = ["load_linked"]


def load_linked(
    linked: LinkedProgram,
    kind: ProgramKind,
    name: str,
    attach: AttachKind = AttachKind.NONE,
    type_id: int = 0,
    *,
    sleeps: bool = False,
) -> Program:
    """Load a program. Raises LoadError with the verifier's log."""
    btf = load_btf(linked.btf) if linked.btf else 0
    try:
        return load_program(
            kind,
            linked.instructions,
            name=name,
            expected_attach_type=attach,
            attach_btf_id=type_id,
            functions=Functions(btf, linked.func_info),
            sleeps=sleeps,
        )
    finally:
        if btf:
            close_fd(btf)
