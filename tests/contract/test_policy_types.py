# SPDX-License-Identifier: Apache-2.0
"""What the language says of types and operators is what the compiler can do."""

from __future__ import annotations

import pytest

from tetragon import tetragon_pb2
from tetragon_core.policy.argument_types import ARGUMENT_TYPES, allowed_operators
from tetragon_sensors.policy.types import ARGUMENT_TYPES as COMPILED
from tetragon_sensors.policy.types import find_type


def test_names() -> None:
    """Every type of the language is compiled; `auto` stands for others."""
    compiled = [name for one in COMPILED for name in one.names]

    assert sorted(compiled) == sorted(set(ARGUMENT_TYPES) - {"auto"})


@pytest.mark.parametrize("name", sorted(set(ARGUMENT_TYPES) - {"auto"}))
def test_operators(name: str) -> None:
    """A type is filtered by the operators that the language allows for it."""
    kind = find_type(name)

    assert kind is not None
    assert set(allowed_operators(name)) == kind.operators


def test_fields() -> None:
    """What types call their field is one of KprobeArgument."""
    known = set(tetragon_pb2.KprobeArgument.DESCRIPTOR.fields_by_name)
    fields = {one.field for one in COMPILED if hasattr(one, "field")}

    assert fields - known == set()
    assert fields > {"size_arg", "user_ns_arg", "module_arg", "syscall_id"}
