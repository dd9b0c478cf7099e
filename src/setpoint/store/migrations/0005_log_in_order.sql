-- The log in the order in which it is written: a Change adds to the end of a table instead of to
-- pages all over it, and what it touched stands in its own row.
-- `touches`: JSON array of {path, old, new}, by path; null where the path was not there.

CREATE TABLE change_unit_in_order (
    unit        TEXT NOT NULL REFERENCES unit (id),
    rev         INTEGER NOT NULL,
    change      INTEGER NOT NULL REFERENCES change (seq),
    generation  INTEGER NOT NULL,
    intent      BLOB NOT NULL,
    touches     BLOB NOT NULL
) STRICT;

INSERT INTO change_unit_in_order (unit, rev, change, generation, intent, touches)
SELECT cu.unit, cu.rev, cu.change, cu.generation, cu.intent, CAST(coalesce((
    SELECT json_group_array(json_object('path', path, 'old', json(old), 'new', json(new)))
    FROM (SELECT path, old, new FROM touch
          WHERE touch.unit = cu.unit AND touch.change = cu.change ORDER BY path)
), '[]') AS BLOB)
FROM change_unit cu ORDER BY cu.change, cu.unit;

DROP TABLE touch;
DROP TABLE change_unit;
ALTER TABLE change_unit_in_order RENAME TO change_unit;

CREATE UNIQUE INDEX change_unit_rev ON change_unit (unit, rev);
CREATE UNIQUE INDEX change_unit_change ON change_unit (change, unit);
