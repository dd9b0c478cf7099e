-- When what a Change asked for was so for the first time: how long things take, per app.

CREATE TABLE settled (
    unit    TEXT NOT NULL REFERENCES unit (id),
    change  INTEGER NOT NULL REFERENCES change (seq),
    at_s    REAL NOT NULL,
    PRIMARY KEY (unit, change)
) STRICT, WITHOUT ROWID;
