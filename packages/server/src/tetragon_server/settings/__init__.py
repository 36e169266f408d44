# SPDX-License-Identifier: Apache-2.0
"""Where the agent's settings come from: flags, environment and files; and how they are reread.

What the settings are is in `config`. Modules here are imported by name, as they are needed: the
help text of the command line needs none of them.
"""
