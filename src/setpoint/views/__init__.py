"""Floor 3: somebody wonders. Reads from memory only; never looks at the world, never writes.

What was observed is shown as last seen, with its age. Everything returned is a msgspec Struct, so
that the API and the CLI have nothing to do but encode it.
"""
