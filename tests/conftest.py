# SPDX-License-Identifier: Apache-2.0
"""Names the plugins that every level uses; each `fix_*.py` is about one concern."""

from __future__ import annotations

pytest_plugins = (
    *("fix_header", "fix_levels", "fix_one_kernel", "fix_signals", "fix_skips"),
    *("fix_starts", "fix_workload"),
)
