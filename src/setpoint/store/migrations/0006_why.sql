-- The Change each why was first said of, by those that may have been left in an environment since.
-- `why`: its sha256.
CREATE TABLE said (
    actor   TEXT NOT NULL,
    why     BLOB NOT NULL,
    change  INTEGER NOT NULL REFERENCES change (seq),
    PRIMARY KEY (actor, why)
) STRICT, WITHOUT ROWID;

-- What was said of a Change afterwards; only ever added to. `asked`: who, when and the words.
CREATE TABLE note (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    change  INTEGER NOT NULL REFERENCES change (seq),
    asked   BLOB NOT NULL
) STRICT;

CREATE INDEX note_change ON note (change, id);
