-- What an account has besides its tokens. `account`: an email. SSH keys are public, and open nothing.
CREATE TABLE ssh_key (
    id            TEXT PRIMARY KEY,
    account       TEXT NOT NULL,
    fingerprint   TEXT NOT NULL,
    public_key    TEXT NOT NULL,
    comment       TEXT NOT NULL,
    created_at_s  REAL NOT NULL
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX ssh_key_account ON ssh_key (account, fingerprint);

-- `sealed`: the secret of this version, bound to id and version as those of table secret are.
CREATE TABLE oauth_client (
    id            TEXT PRIMARY KEY,
    account       TEXT NOT NULL,
    name          TEXT NOT NULL,
    redirect_uri  TEXT NOT NULL,
    version       INTEGER NOT NULL,
    sealed        BLOB NOT NULL,
    created_at_s  REAL NOT NULL,
    updated_at_s  REAL NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX oauth_client_account ON oauth_client (account, created_at_s);
