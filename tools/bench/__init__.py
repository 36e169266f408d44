# SPDX-License-Identifier: Apache-2.0
"""Measures what tetragon-mini costs and prints a table (`make bench`). Changes nothing."""
