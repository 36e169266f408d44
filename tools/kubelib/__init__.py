# SPDX-License-Identifier: Apache-2.0
"""Parts of tools/kubernetes: programs of Kubernetes that run on this machine, for tests."""

from __future__ import annotations
