-- Rows of one data directory. Migrations only ever add; a shipped file never changes.

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE unit (
    id             TEXT PRIMARY KEY,
    kind           TEXT NOT NULL,
    name           TEXT NOT NULL,
    owner          TEXT NOT NULL,
    generation     INTEGER NOT NULL,
    rev            INTEGER NOT NULL,
    intent         BLOB NOT NULL,
    created_at_s   REAL NOT NULL,
    updated_at_s   REAL NOT NULL,
    last_change    INTEGER NOT NULL,
    source_change  INTEGER NOT NULL DEFAULT 0,
    shape_change   INTEGER NOT NULL DEFAULT 0,
    shape_summary  TEXT NOT NULL DEFAULT '',
    forgotten      INTEGER NOT NULL DEFAULT 0
) STRICT;

-- A forgotten unit keeps its story and gives its name back.
CREATE UNIQUE INDEX unit_name ON unit (kind, name) WHERE forgotten = 0;

CREATE TABLE change (
    seq           INTEGER PRIMARY KEY AUTOINCREMENT,
    at_s          REAL NOT NULL,
    asked         BLOB NOT NULL,
    verb          TEXT NOT NULL,
    summary       TEXT NOT NULL
) STRICT;

-- `intent`: the document after this Change, so that a write based on it can be merged or undone.
CREATE TABLE change_unit (
    unit        TEXT NOT NULL REFERENCES unit (id),
    rev         INTEGER NOT NULL,
    change      INTEGER NOT NULL REFERENCES change (seq),
    generation  INTEGER NOT NULL,
    intent      BLOB NOT NULL,
    PRIMARY KEY (unit, rev)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX change_unit_change ON change_unit (change, unit);

-- `old`, `new`: JSON, NULL where the path was not there. Secrets appear as fingerprints.
CREATE TABLE touch (
    unit    TEXT NOT NULL,
    change  INTEGER NOT NULL,
    path    TEXT NOT NULL,
    old     TEXT,
    new     TEXT,
    PRIMARY KEY (unit, change, path),
    FOREIGN KEY (change, unit) REFERENCES change_unit (change, unit)
) STRICT, WITHOUT ROWID;

CREATE INDEX touch_path ON touch (unit, path, change);

-- Provenance of every live path; derived, rebuildable from `touch`.
CREATE TABLE field (
    unit    TEXT NOT NULL REFERENCES unit (id),
    path    TEXT NOT NULL,
    change  INTEGER NOT NULL REFERENCES change (seq),
    PRIMARY KEY (unit, path)
) STRICT, WITHOUT ROWID;

-- Outbox and watch feed at once. AUTOINCREMENT: a cursor never comes back after compaction.
CREATE TABLE event (
    cursor  INTEGER PRIMARY KEY AUTOINCREMENT,
    unit    TEXT NOT NULL,
    type    TEXT NOT NULL,
    body    BLOB NOT NULL
) STRICT;

CREATE TABLE secret (
    id       TEXT NOT NULL,
    version  INTEGER NOT NULL,
    unit     TEXT NOT NULL REFERENCES unit (id),
    sealed   BLOB NOT NULL,
    PRIMARY KEY (id, version)
) STRICT;

CREATE INDEX secret_unit ON secret (unit);

CREATE TABLE status (
    unit                 TEXT PRIMARY KEY REFERENCES unit (id),
    observed_generation  INTEGER NOT NULL,
    conditions           BLOB NOT NULL,
    summary              BLOB NOT NULL,
    at_s                 REAL NOT NULL
) STRICT, WITHOUT ROWID;

-- `app` may name a unit this store never knew: an orphan that was collected.
CREATE TABLE journal (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    app           TEXT NOT NULL,
    generation    INTEGER NOT NULL,
    kind          TEXT NOT NULL,
    verb          TEXT NOT NULL,
    subject       TEXT NOT NULL,
    rule          TEXT NOT NULL,
    because       TEXT NOT NULL,
    change        INTEGER,
    state         TEXT NOT NULL,
    planned_at_s  REAL NOT NULL,
    ended_at_s    REAL,
    result        TEXT NOT NULL,
    count         INTEGER NOT NULL,
    token         TEXT NOT NULL
) STRICT;

CREATE INDEX journal_app ON journal (app, id);

-- `ord` keeps the order of first mention; `final`: nothing reported later can alter it.
CREATE TABLE build (
    ord    INTEGER PRIMARY KEY AUTOINCREMENT,
    id     TEXT NOT NULL UNIQUE,
    app    TEXT NOT NULL,
    final  INTEGER NOT NULL,
    body   BLOB NOT NULL
) STRICT;

CREATE INDEX build_app ON build (app, ord);

-- `body` is what never alters; status and message are the verdict.
CREATE TABLE release (
    app      TEXT NOT NULL REFERENCES unit (id),
    version  INTEGER NOT NULL,
    change   INTEGER NOT NULL REFERENCES change (seq),
    status   TEXT NOT NULL,
    message  TEXT NOT NULL,
    body     BLOB NOT NULL,
    PRIMARY KEY (app, version)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX release_change ON release (app, change);

CREATE TABLE source (
    digest      TEXT PRIMARY KEY,
    size_bytes  INTEGER NOT NULL,
    at_s        REAL NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE idempotency (
    actor         TEXT NOT NULL,
    key           TEXT NOT NULL,
    request_hash  TEXT NOT NULL,
    change        INTEGER NOT NULL REFERENCES change (seq),
    expires_at_s  REAL NOT NULL,
    PRIMARY KEY (actor, key)
) STRICT, WITHOUT ROWID;
