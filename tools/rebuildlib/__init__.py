# SPDX-License-Identifier: Apache-2.0
"""Whether the same sources become the same executable, wherever and however they are built."""
