# SPDX-License-Identifier: Apache-2.0
"""What the exit codes of commands mean, from the classes of errors; for documents."""

from __future__ import annotations

import inspect
from typing import Final

from . import errors

__all__ = ["error_classes", "exit_codes"]

_OTHERS: Final = {
    0: "Done; also when whoever reads the output has gone.",
    1: "Failed, for the reason on standard error.",
    130: "Ended by Ctrl-C.",
}


def error_classes() -> list[tuple[type[errors.TetragonError], str]]:
    """Each class of errors.py with its first sentence, the general one first."""
    classes = [getattr(errors, name) for name in errors.__all__]
    classes.sort(key=lambda one: (one.exit_code, one.__name__))
    return [(one, inspect.cleandoc(one.__doc__ or "").partition("\n")[0]) for one in classes]


def exit_codes() -> list[tuple[int, str]]:
    """Each code with what it says, in order of the codes."""
    texts = dict(_OTHERS)
    for one, text in error_classes():
        if one.exit_code not in _OTHERS:
            known = texts.get(one.exit_code)
            texts[one.exit_code] = f"{known} Or: {text[0].lower()}{text[1:]}" if known else text
    return sorted(texts.items())
