# SPDX-License-Identifier: Apache-2.0
"""The command line: every subcommand of `tetragon-mini`. Nothing here runs at import time."""
