# SPDX-License-Identifier: Apache-2.0
"""The agent: kernel records in, one gRPC stream of events per subscriber out."""
