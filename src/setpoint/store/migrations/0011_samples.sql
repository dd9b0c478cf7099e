-- Figures of what bets are about, a row a minute; `process` '' is all of an app.
CREATE TABLE sample (
    unit     TEXT NOT NULL,
    process  TEXT NOT NULL,
    at_s     REAL NOT NULL,
    body     BLOB NOT NULL,
    PRIMARY KEY (unit, process, at_s)
) STRICT, WITHOUT ROWID;

CREATE INDEX sample_at ON sample (at_s);
