# SPDX-License-Identifier: Apache-2.0
"""The OCI runtime hook; it has no content yet."""

from __future__ import annotations
