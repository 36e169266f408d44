# SPDX-License-Identifier: Apache-2.0
"""The archive of `bugtool`: what goes into it, how it is written, what is left out of it."""

from __future__ import annotations
