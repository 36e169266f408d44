# SPDX-License-Identifier: Apache-2.0
"""The agent as an NRI plugin of containerd or CRI-O: told of containers before they start, without
a file on the host. Protocol: github.com/containerd/nri, over ttrpc (github.com/containerd/ttrpc).
"""

from __future__ import annotations
