# SPDX-License-Identifier: Apache-2.0
"""Facts about a kernel (types, symbols, tracefs, system calls) and raw calls into it."""
