# SPDX-License-Identifier: Apache-2.0
"""What tools/machine is made of: a Debian root on a disk, and QEMU that boots systemd from it."""
