# SPDX-License-Identifier: Apache-2.0
"""Makes the one executable from what PyInstaller collects."""
