# SPDX-License-Identifier: Apache-2.0
"""Executables and libraries that probes are put into: what is where, and whether it is the one."""
