# SPDX-License-Identifier: Apache-2.0
# What of this module becomes C functions where it is compiled; see tools/compile.py.

cimport cython

cpdef bytes varint(unsigned long long value)
cpdef bytes tag(unsigned long long number, unsigned long long wire_type=*)
cpdef bytes delimited(bytes field_tag, bytes body)

@cython.locals(seconds="unsigned long long", nanos="unsigned long long")
cpdef bytes timestamp(unsigned long long wall_ns)
