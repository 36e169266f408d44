# SPDX-License-Identifier: Apache-2.0
"""Man pages, made from the commands and options themselves: `install` and `help --man` do so."""

from __future__ import annotations

from .pages import ManPage, man_pages

__all__ = ["ManPage", "man_pages"]
