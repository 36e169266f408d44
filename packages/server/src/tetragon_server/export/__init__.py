# SPDX-License-Identifier: Apache-2.0
"""Events written as JSON lines to files and other places, beside the streams of the API."""
