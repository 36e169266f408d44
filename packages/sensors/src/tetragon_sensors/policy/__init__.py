# SPDX-License-Identifier: Apache-2.0
"""Tracing policies made into BPF programs, one for each hook, and their records made into hits.

model --check--> plan --program--> instructions --engine--> attached --decode--> HookMessage
"""
