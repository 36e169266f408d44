# SPDX-License-Identifier: Apache-2.0
# What of this module becomes C structures and functions where it is compiled; see tools/compile.py.

from tetragon_core.process cimport Process
from tetragon_server.wire cimport delimited, timestamp, varint

cdef class ProcessSerializer:
    cdef object _builder
    cdef dict _kept
    cpdef serialize(self, Process process)
    cdef _shared(self, Process process, image)
