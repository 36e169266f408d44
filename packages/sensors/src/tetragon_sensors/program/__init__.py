# SPDX-License-Identifier: Apache-2.0
"""BPF programs made at run time: instructions, functions, types. No kernel calls here."""
