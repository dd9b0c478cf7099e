-- Apps of which something is sent elsewhere. Derived from their intents; hardly any has a row.
CREATE TABLE sender (
    unit  TEXT PRIMARY KEY REFERENCES unit (id)
) STRICT, WITHOUT ROWID;

-- How far each drain has come.
CREATE TABLE shipped (
    drain  TEXT PRIMARY KEY,
    unit   TEXT NOT NULL,
    body   BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX shipped_unit ON shipped (unit);
