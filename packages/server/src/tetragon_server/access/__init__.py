# SPDX-License-Identifier: Apache-2.0
"""Who is at the other end of a connection, what they may do, and what they did."""
