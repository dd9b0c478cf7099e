-- What is told to webhooks, and what came of it. `next_at_s`: when it is tried, NULL once it is over.
CREATE TABLE notice (
    ord        INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT NOT NULL UNIQUE,
    unit       TEXT NOT NULL,
    webhook    TEXT NOT NULL,
    next_at_s  REAL,
    body       BLOB NOT NULL
) STRICT;

CREATE INDEX notice_unit ON notice (unit, ord);
CREATE INDEX notice_due ON notice (next_at_s) WHERE next_at_s IS NOT NULL;
