# SPDX-License-Identifier: Apache-2.0
"""Which pod a process belongs to; it has no content yet."""

from __future__ import annotations
