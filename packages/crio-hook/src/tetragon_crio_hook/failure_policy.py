# SPDX-License-Identifier: Apache-2.0
"""Whether a container may start although the hook has failed, as Tetragon's hook decides it.

It may when an annotation says that it is in a namespace that is allowed to; one such annotation is
enough. An expression, when there is one, decides alone.
"""

from __future__ import annotations

from tetragon_core.errors import TetragonError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Final

    from .options import Options

    Evaluate = Callable[[str, Mapping[str, str]], bool]
    """Expression and annotations → its value; TetragonError when it has none."""

__all__ = ["reason_to_fail"]

_CONSTANTS: Final = {"true": "--fail-cel-expr is true", "false": ""}
"""What needs no CEL: to fail always, and never."""
_OTHER_MEANING: Final = ("[[:", "\\p", "\\P", "\\Q", "\\C")
"""Of RE2's syntax: Python reads these as something else."""


def reason_to_fail(
    options: Options, annotations: Mapping[str, str], evaluate: Evaluate | None
) -> str:
    """Why the container must not start; empty when it may."""
    try:
        if options.fail_cel_expr:
            return _by_expression(options.fail_cel_expr, annotations, evaluate)
        return _by_namespace(options, annotations)
    except TetragonError as error:
        return f"the check itself failed: {error}"


def _by_expression(
    expression: str, annotations: Mapping[str, str], evaluate: Evaluate | None
) -> str:
    if expression in _CONSTANTS:
        return _CONSTANTS[expression]
    if evaluate is None:
        raise UsageError("--fail-cel-expr: this small program has no CEL; install the whole one")
    return "--fail-cel-expr is true" if evaluate(expression, annotations) else ""


def _by_namespace(options: Options, annotations: Mapping[str, str]) -> str:
    keys = options.annotations_namespace_key
    found = [annotations[key] for key in keys if key in annotations]
    if not found:
        return f"no annotation tells the container's namespace ({', '.join(keys)})"
    if any(name in options.fail_allow_namespaces for name in found):
        return ""
    if any(_matches(pattern, found) for pattern in options.fail_allow_namespaces_regex):
        return ""
    return f"no failure is allowed in the namespace {', '.join(map(repr, found))}"


def _matches(pattern: str, names: list[str]) -> bool:
    """As RE2 searches: its library is not in the small program, its meaning is kept.

    `$` differs from RE2's only before a line's end, which no namespace has.
    """
    import re  # noqa: PLC0415  # 6 ms, for failures only

    if any(one in pattern for one in _OTHER_MEANING):
        raise UsageError(
            f"--fail-allow-namespaces-regex {pattern!r}: classes are written like [a-z]"
        )
    try:
        compiled = re.compile(pattern.replace("\\z", "\\Z"), re.ASCII)
    except (re.error, RecursionError, OverflowError) as error:
        raise UsageError(f"--fail-allow-namespaces-regex {pattern!r}: {error}") from error
    return any(compiled.search(name) for name in names if "\n" not in name)
