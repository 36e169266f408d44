# SPDX-License-Identifier: Apache-2.0
"""`version` without the documents that only the executable has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tetragon_cli import provenance
from tetragon_core.errors import TetragonError

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize("document", [provenance.bill_of_materials, provenance.licences])
def test_from_source_there_are_no_documents(document: Callable[[], str]) -> None:
    """Outside the executable one line tells where the documents are."""
    with pytest.raises(TetragonError, match=r"^only the executable has .*`make dist` builds it$"):
        document()
