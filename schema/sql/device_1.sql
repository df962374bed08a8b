-- What only the agent keeps. See schema/DICTIONARY.md.

CREATE TABLE setting (
  name TEXT NOT NULL, value,
  PRIMARY KEY (name)
) WITHOUT ROWID;

-- Every edit, as the changeset of its own transaction; those not yet sealed are what the next statement folds.
CREATE TABLE journal (
  n INTEGER PRIMARY KEY, changeset BLOB NOT NULL, sealed_in INTEGER
);
CREATE INDEX journal_unsealed ON journal (n) WHERE sealed_in IS NULL;

CREATE TABLE outbox (
  seq INTEGER PRIMARY KEY, id BLOB NOT NULL, urgent INTEGER NOT NULL, bytes BLOB NOT NULL, sealed_utc_ms INTEGER NOT NULL,
  log_index INTEGER, receipt BLOB, registered_utc_s INTEGER, refusal INTEGER, refusal_detail TEXT
);
CREATE INDEX outbox_waiting ON outbox (seq) WHERE log_index IS NULL;
CREATE INDEX outbox_refused ON outbox (seq) WHERE refusal IS NOT NULL;

CREATE INDEX visit_school ON visit (school);
CREATE INDEX visit_state ON visit (state, from_day);
