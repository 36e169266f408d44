# SPDX-License-Identifier: Apache-2.0
"""Makes root directories of distributions, in which tests run the executable and packages."""
