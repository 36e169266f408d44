# SPDX-License-Identifier: Apache-2.0
"""What tools/test is made of: running tox environments and adding up their results."""
