# SPDX-License-Identifier: Apache-2.0
"""CEL over the annotations of a container: what the OCI hook asks when it has failed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

from tetragon.tetragon_pb2 import RuntimeHookRequest
from tetragon_core.errors import TetragonError

from .cel.checker import check
from .cel.declarations import Declarations, Variable
from .cel.errors import error_at
from .cel.evaluator import Program
from .cel.parser import parse
from .cel.types import STRING, map_of
from .cel.values import Map

if TYPE_CHECKING:
    from collections.abc import Mapping

    from google.protobuf.descriptor import Descriptor

__all__ = ["evaluate"]


def evaluate(text: str, annotations: Mapping[str, str]) -> bool:
    """The expression's value; its one variable is `annotations`.

    Raises CelError for one that is none or no bool, TetragonError when it has no value.
    """
    envelope: Descriptor = RuntimeHookRequest.DESCRIPTOR  # type: ignore[assignment]  # the C class's stub
    declarations = Declarations(envelope, "event", "tetragon")
    declarations.variables = {"annotations": Variable("annotations", map_of(STRING, STRING))}
    try:
        root = parse(text)
        check(text, root, declarations)
        program = Program(root, declarations)
    except RecursionError:
        raise error_at(text, 0, "an expression that is nested less deeply was expected") from None
    # Variables are read as attributes, of an event or of anything.
    values = SimpleNamespace(annotations=Map(annotations.items()))
    value = program.evaluate(values)  # type: ignore[arg-type]  # as said
    if value is True or value is False:
        return value
    raise TetragonError(f"the expression {text!r} gave no bool")
