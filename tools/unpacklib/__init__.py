# SPDX-License-Identifier: Apache-2.0
"""What tools/unpack is made of: which packages tests need, and unpacking them below build/."""
