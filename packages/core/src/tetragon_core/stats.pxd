# SPDX-License-Identifier: Apache-2.0
# What of this module becomes a C structure where it is compiled; see tools/compile.py.

cdef class Stats:
    cdef dict _values
    cdef list _sources
    cpdef add(self, counter, amount=*)
