# SPDX-License-Identifier: Apache-2.0
"""Tracing policies as text and as a model; nothing here knows a kernel."""
