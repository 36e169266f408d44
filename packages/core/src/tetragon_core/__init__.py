# SPDX-License-Identifier: Apache-2.0
"""Everything that needs neither a kernel nor a network: messages, processes, events, counters."""

from __future__ import annotations

__version__ = "0.1.0"
__released__ = "2026-11-22"
"""When this version was set; the date of the man pages."""
