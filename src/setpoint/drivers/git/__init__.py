"""Bare repositories, one per app, and the machine's own git that works on them.

No code of a repository is run: hooks are ours alone, no configuration but ours is read, nothing is
checked out. git itself runs as whoever runs this, within bounds of time, memory and disk.
"""
