# SPDX-License-Identifier: Apache-2.0
"""Tracing policies as the agent keeps them: where they come from, their state, the rpcs.

What a policy means is in tetragon_core.policy, how it gets into the kernel in the sensors.
"""
