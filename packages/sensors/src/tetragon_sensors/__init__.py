# SPDX-License-Identifier: Apache-2.0
"""The kernel side as seen from Python: loads the BPF objects and reads what they report."""

from __future__ import annotations

from .base import BaseSensor, SensorConfig

__all__ = ["BaseSensor", "SensorConfig"]
