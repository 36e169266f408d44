# SPDX-License-Identifier: Apache-2.0
"""What tools/arm64 is made of: a root of arm64 programs for a machine of tools/vm."""
