"""Writes every transcript anew; what changed in them is for whoever commits it to read."""

from tests.rehearsals import SCRIPTS, played

for path in SCRIPTS:
    path.with_suffix(".out").write_text(played(path), encoding="utf-8")
print(f"{len(SCRIPTS)} transcripts written; see: git diff tests/rehearsals")
