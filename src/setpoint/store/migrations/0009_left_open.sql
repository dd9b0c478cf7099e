-- What was begun and has no outcome yet: every pass asks for it, and there is hardly ever any.
CREATE INDEX journal_open ON journal (app) WHERE state = 'planned';
