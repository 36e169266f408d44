# SPDX-License-Identifier: Apache-2.0
"""`install` and `uninstall`: puts the executable's files where a host expects them, and back.

    KINDS (program, service, settings, completions, manuals, documents)
      └─► wanted things ─► plan: compared with the record and the host ─► steps ─► transaction
                                                                                └─► record

A kind of thing is one module with a function Choices -> wanted things, and a row in `kinds.py`.
What is printed are the steps, whether they are taken or not (`--dry-run`).
"""

from __future__ import annotations
