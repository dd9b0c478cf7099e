"""Floor 0: the nouns. Frozen values only; no I/O, no clock, no async, no randomness."""
