# SPDX-License-Identifier: Apache-2.0
"""What tools/packages is made of: one description, one staged tree, a .deb and an .rpm."""
