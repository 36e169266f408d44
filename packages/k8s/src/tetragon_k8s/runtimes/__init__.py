# SPDX-License-Identifier: Apache-2.0
"""Container runtimes asked for names, images, labels and pods of containers, one module for each.

    new cgroup ─► Lookups.ask ─► Runtime.claims (at once)
                     └► task: Runtime.find (batches, retries) ─► WorkloadTable.learn / give_up

Nothing is changed in a runtime, and nothing is asked of one that has no socket or state here.
"""

from __future__ import annotations
