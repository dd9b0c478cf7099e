"""The mutation gate: take one guard out of the source, and the simulation must notice.

`make mutants` runs every history against each mutant until one is violated, and writes
docs/mutants.md. A guard that nobody misses is no guard, or the simulation does not look.
"""
