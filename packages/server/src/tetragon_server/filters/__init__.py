# SPDX-License-Identifier: Apache-2.0
"""Filters of events and of their fields: of GetEvents requests, the export options, the client.

`rows.py` has one row for each field of the API's Filter; `docs/reference/filters.md` says the same
to users. Regular expressions and CEL are imported when a filter first needs them.
"""

from ..filter_rules import FilterRules
from .compiling import Compiled, compile_filters
from .errors import FilterError
from .field_filters import compile_field_filters
from .parsing import parse_field_filters, parse_filters
from .views import compile_selection, compile_view
from .work import ANY_FILTER

__all__ = [
    "ANY_FILTER",
    "Compiled",
    "FilterError",
    "FilterRules",
    "compile_field_filters",
    "compile_filters",
    "compile_selection",
    "compile_view",
    "parse_field_filters",
    "parse_filters",
]
