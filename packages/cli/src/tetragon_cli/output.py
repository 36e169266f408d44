# SPDX-License-Identifier: Apache-2.0
"""Standard output of a stream: written in large pieces, never held back for long.

A thread writes out what is left when the stream pauses, and sees when the reader has gone (as in
`| head -1`) even if no event comes any more. It then wakes the main thread with SIGTERM, the only
thing that interrupts a blocked read and a blocked gRPC call alike.
"""

from __future__ import annotations

import os
import select
import signal
import threading
from typing import TYPE_CHECKING, Final, Self

from tetragon_core.errors import TetragonError

from .signals import StopRequestedError

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["StreamOutput"]

_BUFFER_BYTES: Final = 64 * 1024
_HOLD_S: Final = 0.02
_GONE: Final = select.POLLERR | select.POLLHUP | select.POLLNVAL


class StreamOutput:
    """A buffered writer on one descriptor; use it as a context manager in the main thread."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._buffer = open(descriptor, "wb", buffering=_BUFFER_BYTES, closefd=False)  # noqa: SIM115  # closed in close()
        self._wake = os.eventfd(0, os.EFD_CLOEXEC)
        self._pending = False
        self._closing = False
        self._failure: OSError | None = None
        self._main = threading.get_ident()
        self._thread = threading.Thread(target=self._watch, name="output", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def write(self, text: str | bytes) -> None:
        """Take over text; it is written within some 20 ms. A reader that has gone ends the work."""
        data = text if isinstance(text, bytes) else text.encode("utf-8", "replace")
        try:
            self._buffer.write(data)
        except OSError as error:
            raise self._stop(error) from error
        if not self._pending:
            self._pending = True
            os.eventfd_write(self._wake, 1)

    def flush(self) -> None:
        """Write out everything now."""
        try:
            self._flush_buffer()
        except OSError as error:
            raise self._stop(error) from error

    def _stop(self, error: OSError) -> StopRequestedError:
        """What ends the stream after a failed write; close() tells about the failure."""
        self._discard(error)
        return StopRequestedError()

    def _flush_buffer(self) -> None:
        self._pending = False
        self._buffer.flush()

    def close(self) -> None:
        """Write out everything and stop the thread; failing is an error while somebody reads."""
        if self._closing:
            return
        self._closing = True
        os.eventfd_write(self._wake, 1)
        self._thread.join()
        try:
            self._buffer.close()
        except OSError as error:
            self._discard(error)
        os.close(self._wake)
        if self._failure is not None and not isinstance(self._failure, BrokenPipeError):
            raise TetragonError(f"cannot write to standard output: {self._failure.strerror}")

    def _watch(self) -> None:
        """The thread: flush some time after the first write, end when the reader has gone."""
        poll = select.poll()
        poll.register(self._descriptor, 0)
        poll.register(self._wake, select.POLLIN)
        while not self._closing:
            ready = dict(poll.poll())
            try:
                self._check_reader(ready.get(self._descriptor, 0))
                self._flush_soon()
            except OSError as error:
                self._discard(error)
                if not self._closing:
                    signal.pthread_kill(self._main, signal.SIGTERM)
                return

    @staticmethod
    def _check_reader(flags: int) -> None:
        if flags & _GONE:
            raise BrokenPipeError

    def _flush_soon(self) -> None:
        """Write out what came until a moment after the first of it."""
        os.eventfd_read(self._wake)
        if self._closing:
            return
        # Waiting here lets more events share one write; it ends early when the reader goes.
        reader = select.poll()
        reader.register(self._descriptor, 0)
        reader.poll(_HOLD_S * 1000)
        self._flush_buffer()

    def _discard(self, error: OSError) -> None:
        """Send what is still buffered nowhere, so that closing cannot fail again."""
        self._failure = self._failure or error
        nowhere = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
        os.dup2(nowhere, self._descriptor)
        os.close(nowhere)
