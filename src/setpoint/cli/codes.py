"""Exit codes, the same for every command."""

SETTLED = 0
FAILED = 1
"""Setpoint cannot be reached or failed; an invoked function failed."""
REFUSED = 2
"""Nothing was changed: bad input, forbidden, unknown."""
NOT_AS_ASKED = 3
"""Accepted, but stalled, unmet, or its build failed."""
NOT_IN_TIME = 4
INTERRUPTED = 130
