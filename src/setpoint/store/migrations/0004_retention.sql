-- `slug_kept`: 0 once its layers may leave the disk; never 1 again.
ALTER TABLE release ADD COLUMN slug_kept INTEGER NOT NULL DEFAULT 1;

CREATE INDEX release_kept ON release (app, version) WHERE slug_kept = 1;

-- How far the events had come at a time: their age, without a time on each of them.
CREATE TABLE event_mark (
    cursor  INTEGER PRIMARY KEY,
    at_s    REAL NOT NULL
) STRICT;
