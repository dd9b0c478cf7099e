-- Who may sign in besides whoever can read the data directory. `password`: a digest, NULL for none.
CREATE TABLE account (
    email         TEXT PRIMARY KEY,
    id            TEXT NOT NULL UNIQUE,
    admin         INTEGER NOT NULL,
    created_at_s  REAL NOT NULL,
    password      BLOB
) STRICT, WITHOUT ROWID;

-- What they come with: of each token a digest and its two ends. `account`: an email; that of the
-- installation itself has no row above. `scopes`: JSON.
CREATE TABLE token (
    id            TEXT PRIMARY KEY,
    account       TEXT NOT NULL,
    digest        BLOB NOT NULL UNIQUE,
    scopes        TEXT NOT NULL,
    description   TEXT NOT NULL,
    hint          TEXT NOT NULL,
    created_at_s  REAL NOT NULL,
    expires_at_s  REAL,
    login         INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX token_account ON token (account, created_at_s);
