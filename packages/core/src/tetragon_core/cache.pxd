# SPDX-License-Identifier: Apache-2.0
# What of this module becomes a C structure where it is compiled; see tools/compile.py.

from tetragon_core.process cimport Process
from tetragon_core.stats cimport Stats

cdef class ProcessCache:
    cdef Stats _stats
    cdef object _capacity, _grace_ns, _max_ended_bytes, _ended_bytes
    cdef object _evictions, _misses
    cdef object _entries, _idle, _held
    cdef dict _live, _ended
    cpdef Process get(self, key)
    cpdef Process live(self, tgid)
    cpdef Process ended(self, tgid)
    cpdef add(self, Process process)
    cpdef retire(self, Process process, now_ktime_ns)
    cdef _hold(self, Process process)
    cdef _remove(self, key, Process process)
    cdef bint _evict(self, Process newest, tiers)

cdef _text_bytes(Process process)
