# SPDX-License-Identifier: Apache-2.0
"""The compiled version of `batch.py`, which explains it."""


cdef class Batch:
    """Takes records until there are `limit` of them."""

    cdef public list records
    cdef public Py_ssize_t limit
    cdef readonly size_t callback, context

    def __init__(self):
        self.records = []
        self.limit = 0
        self.callback = <size_t>&on_record
        self.context = <size_t><void *>self


cdef int on_record(void *context, void *data, size_t size) noexcept with gil:
    cdef Batch batch = <Batch>context
    batch.records.append((<char *>data)[:size])
    return -1 if len(batch.records) >= batch.limit else 0
