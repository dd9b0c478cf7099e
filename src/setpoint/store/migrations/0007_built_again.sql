-- A Change has another release once its source was built again on another stack.
DROP INDEX release_change;

CREATE INDEX release_change ON release (app, change, version);
