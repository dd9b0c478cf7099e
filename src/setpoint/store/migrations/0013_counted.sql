-- Where the sums stood that samples are differences of, so that none is lost with the daemon.
CREATE TABLE counted (
    unit     TEXT NOT NULL,
    process  TEXT NOT NULL,
    body     BLOB NOT NULL,
    PRIMARY KEY (unit, process)
) STRICT, WITHOUT ROWID;
