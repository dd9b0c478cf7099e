-- A decision, and what was said of it afterwards; only ever added to. `key`: of a request that may
-- be repeated.
CREATE TABLE decision_record (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    decision  INTEGER NOT NULL,
    key       BLOB UNIQUE,
    body      BLOB NOT NULL
) STRICT;

CREATE INDEX decision_record_decision ON decision_record (decision, id);

-- Which decisions govern something of an app; '' is every app. Derived from the records.
CREATE TABLE decision_scope (
    unit      TEXT NOT NULL,
    decision  INTEGER NOT NULL,
    PRIMARY KEY (unit, decision)
) STRICT, WITHOUT ROWID;

-- Decisions whose bet is open or lost, and that no other replaced. Derived too.
CREATE TABLE decision_bet (
    decision  INTEGER PRIMARY KEY
) STRICT;
