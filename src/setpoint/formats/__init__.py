"""Floor 1: bytes <-> model. No I/O."""
