-- Jobs: what runs once. `body` is what was asked for; the other columns are what came of it.
-- `state` and `stop_asked` alter; once `final`, nothing does.

CREATE TABLE job (
    ord         INTEGER PRIMARY KEY AUTOINCREMENT,
    id          TEXT NOT NULL UNIQUE,
    app         TEXT NOT NULL REFERENCES unit (id),
    kind        TEXT NOT NULL,
    state       TEXT NOT NULL,
    stop_asked  INTEGER NOT NULL DEFAULT 0,
    final       INTEGER NOT NULL DEFAULT 0,
    body        BLOB NOT NULL
) STRICT;

CREATE INDEX job_app ON job (app, ord);
CREATE INDEX job_live ON job (app) WHERE final = 0;
