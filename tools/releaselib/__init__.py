# SPDX-License-Identifier: Apache-2.0
"""Makes what is published of a version: nothing is published, tagged or committed here."""
