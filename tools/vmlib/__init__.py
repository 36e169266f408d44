# SPDX-License-Identifier: Apache-2.0
"""What tools/vm is made of; it knows nothing of tetragon-mini, only of kernels and commands."""
