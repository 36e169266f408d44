# SPDX-License-Identifier: Apache-2.0
"""BPF programs made at run time: instructions, functions, type information. No kernel calls here."""
