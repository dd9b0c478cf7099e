-- A pipeline has a name and an owner; which app is in it, and at which stage, is of the app's intent.
CREATE TABLE pipeline (
    id            TEXT PRIMARY KEY,
    name          TEXT NOT NULL,
    owner         TEXT NOT NULL,
    created_at_s  REAL NOT NULL,
    updated_at_s  REAL NOT NULL
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX pipeline_name ON pipeline (owner, name);

-- One release given to several apps. `app`, `version`: whose, and which.
CREATE TABLE promotion (
    id        TEXT PRIMARY KEY,
    pipeline  TEXT NOT NULL,
    app       TEXT NOT NULL,
    version   INTEGER NOT NULL,
    at_s      REAL NOT NULL
) STRICT, WITHOUT ROWID;

-- `change`: that gave it to this app, NULL before; `error`: why there is none.
CREATE TABLE promotion_target (
    promotion  TEXT NOT NULL REFERENCES promotion (id),
    app        TEXT NOT NULL,
    change     INTEGER,
    error      TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (promotion, app)
) STRICT, WITHOUT ROWID;
