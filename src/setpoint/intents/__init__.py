"""Floor 3: somebody asked. Each: authorise, validate, commit intent and why together, wake.

A door calls exactly one of these per request. What ought to follow is planning's concern; what
went wrong out in the world is the loop's. A conflict is told, never retried: the one who asked
must see what the other did.
"""
