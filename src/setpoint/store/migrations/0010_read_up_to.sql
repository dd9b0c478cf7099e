-- How far each person has read what changed, and when they last did.
CREATE TABLE read_up_to (
    person  TEXT PRIMARY KEY,
    change  INTEGER NOT NULL,
    at_s    REAL NOT NULL
) STRICT, WITHOUT ROWID;
