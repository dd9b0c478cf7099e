"""Measurements on real parts: `make bench`, or one part alone: `python -m bench.PART`.

A part prints one JSON object as its last line and leaves nothing behind. No test: nothing here
fails for being slow; `report` says what met its goal and what missed it.
"""
