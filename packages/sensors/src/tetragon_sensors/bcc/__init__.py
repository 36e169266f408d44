# SPDX-License-Identifier: Apache-2.0
"""Symbols and USDT probes of executables and libraries, on top of bcc's runtime library."""
