# SPDX-License-Identifier: Apache-2.0
"""Options: where other options come from, and what the agent prints instead of running."""

from __future__ import annotations

from dataclasses import dataclass

from .option import option

__all__ = ["OriginOptions"]


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class OriginOptions:
    """Options about options."""

    config_dir: str = option(
        "", "Directory with a file for each option, read after all other files."
    )
    generate_docs: bool = option(
        default=False, text="Print every option as YAML and exit.", hidden=True
    )
