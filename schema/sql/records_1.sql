-- The records that both ends keep, as of schema version 1. Frozen once released: later versions add, they never change.
-- What every table and column means, who writes it and when it is NULL stands in schema/DICTIONARY.md.
-- Times are milliseconds since 1970-01-01 UTC; days are days since then; positions are 1e-7 degrees.

CREATE TABLE org_unit (
  code TEXT NOT NULL, name TEXT NOT NULL, level TEXT NOT NULL, parent TEXT,
  PRIMARY KEY (code)
) WITHOUT ROWID;

CREATE TABLE school (
  code TEXT NOT NULL, name TEXT NOT NULL, org_unit TEXT, stages TEXT, ownership TEXT,
  pupils INTEGER, classes INTEGER, lat_e7 INTEGER, lon_e7 INTEGER, datum TEXT,
  status TEXT NOT NULL, weight INTEGER NOT NULL, head TEXT, superior_unit TEXT,
  PRIMARY KEY (code)
) WITHOUT ROWID;

CREATE TABLE inspector (
  code TEXT NOT NULL, name TEXT NOT NULL, full_time INTEGER NOT NULL, lead INTEGER NOT NULL,
  credential TEXT, credential_until_day INTEGER, capacity INTEGER NOT NULL, status TEXT NOT NULL,
  PRIMARY KEY (code)
) WITHOUT ROWID;

CREATE TABLE zone (
  inspector TEXT NOT NULL, school TEXT NOT NULL, until_day INTEGER,
  PRIMARY KEY (inspector, school)
) WITHOUT ROWID;

CREATE TABLE conflict_of_interest (
  inspector TEXT NOT NULL, school TEXT NOT NULL, reason TEXT NOT NULL, until_day INTEGER,
  PRIMARY KEY (inspector, school)
) WITHOUT ROWID;

CREATE TABLE template (
  code TEXT NOT NULL, version INTEGER NOT NULL, title TEXT NOT NULL, body TEXT NOT NULL,
  published_utc_ms INTEGER NOT NULL,
  PRIMARY KEY (code, version)
) WITHOUT ROWID;

CREATE TABLE campaign (
  code TEXT NOT NULL, title TEXT NOT NULL, kind TEXT NOT NULL, authority TEXT,
  on_annual_list INTEGER NOT NULL, justification TEXT, from_day INTEGER, to_day INTEGER,
  PRIMARY KEY (code)
) WITHOUT ROWID;

CREATE TABLE draw (
  code TEXT NOT NULL, state TEXT NOT NULL, manifest TEXT NOT NULL, commitment BLOB NOT NULL,
  entropy TEXT, secret BLOB, reason TEXT,
  PRIMARY KEY (code)
) WITHOUT ROWID;

CREATE TABLE visit (
  id BLOB NOT NULL, school TEXT NOT NULL, kind TEXT NOT NULL, announced INTEGER NOT NULL,
  campaign TEXT, draw TEXT, template TEXT NOT NULL, template_version INTEGER NOT NULL, items TEXT,
  from_day INTEGER NOT NULL, to_day INTEGER NOT NULL, unseal_at_utc_ms INTEGER,
  class_seed BLOB, state TEXT NOT NULL, reason TEXT, clock TEXT,
  PRIMARY KEY (id)
) WITHOUT ROWID;

CREATE TABLE team_member (
  visit BLOB NOT NULL, inspector TEXT NOT NULL, role TEXT NOT NULL, recusal TEXT,
  PRIMARY KEY (visit, inspector)
) WITHOUT ROWID;

CREATE TABLE question (
  visit BLOB NOT NULL, n INTEGER NOT NULL, item TEXT, text TEXT NOT NULL, at_utc_ms INTEGER NOT NULL,
  PRIMARY KEY (visit, n)
) WITHOUT ROWID;

CREATE TABLE visit_event (
  visit BLOB NOT NULL, author INTEGER NOT NULL, n INTEGER NOT NULL, event TEXT NOT NULL, inspector TEXT NOT NULL,
  clock TEXT NOT NULL, lat_e7 INTEGER, lon_e7 INTEGER, accuracy_cm INTEGER, reason TEXT,
  at_utc_ms INTEGER NOT NULL, at_offset_min INTEGER NOT NULL, at_boot_ms INTEGER NOT NULL,
  PRIMARY KEY (visit, author, n)
) WITHOUT ROWID;

CREATE TABLE answer (
  visit BLOB NOT NULL, item TEXT NOT NULL, observer TEXT NOT NULL,
  value, total INTEGER, na_reason TEXT, note TEXT,
  at_utc_ms INTEGER NOT NULL, at_offset_min INTEGER NOT NULL, at_boot_ms INTEGER NOT NULL,
  PRIMARY KEY (visit, item, observer)
) WITHOUT ROWID;

CREATE TABLE finding (
  visit BLOB NOT NULL, author INTEGER NOT NULL, n INTEGER NOT NULL, item TEXT, severity TEXT NOT NULL,
  clause TEXT, text TEXT NOT NULL, due_day INTEGER, superior_unit TEXT, state TEXT NOT NULL, void_reason TEXT,
  inspector TEXT NOT NULL,
  at_utc_ms INTEGER NOT NULL, at_offset_min INTEGER NOT NULL, at_boot_ms INTEGER NOT NULL,
  PRIMARY KEY (visit, author, n)
) WITHOUT ROWID;

CREATE TABLE note (
  visit BLOB NOT NULL, author INTEGER NOT NULL, n INTEGER NOT NULL, item TEXT, text TEXT NOT NULL,
  void_reason TEXT, inspector TEXT NOT NULL,
  at_utc_ms INTEGER NOT NULL, at_offset_min INTEGER NOT NULL, at_boot_ms INTEGER NOT NULL,
  PRIMARY KEY (visit, author, n)
) WITHOUT ROWID;

CREATE TABLE feedback (
  visit BLOB NOT NULL, author INTEGER NOT NULL, n INTEGER NOT NULL, text TEXT NOT NULL,
  document_hash BLOB NOT NULL, inspector TEXT NOT NULL,
  at_utc_ms INTEGER NOT NULL, at_offset_min INTEGER NOT NULL, at_boot_ms INTEGER NOT NULL,
  PRIMARY KEY (visit, author, n)
) WITHOUT ROWID;

CREATE TABLE signature (
  visit BLOB NOT NULL, author INTEGER NOT NULL, n INTEGER NOT NULL, role TEXT NOT NULL, name TEXT,
  outcome TEXT NOT NULL, strokes BLOB, document_hash BLOB NOT NULL, witness TEXT, reason TEXT,
  inspector TEXT NOT NULL,
  at_utc_ms INTEGER NOT NULL, at_offset_min INTEGER NOT NULL, at_boot_ms INTEGER NOT NULL,
  PRIMARY KEY (visit, author, n)
) WITHOUT ROWID;

CREATE TABLE class_draw (
  visit BLOB NOT NULL, author INTEGER NOT NULL, n INTEGER NOT NULL, classes TEXT NOT NULL, picked TEXT NOT NULL,
  inspector TEXT NOT NULL,
  at_utc_ms INTEGER NOT NULL, at_offset_min INTEGER NOT NULL, at_boot_ms INTEGER NOT NULL,
  PRIMARY KEY (visit, author, n)
) WITHOUT ROWID;

CREATE TABLE submission (
  visit BLOB NOT NULL, inspector TEXT NOT NULL, root BLOB NOT NULL, waived TEXT,
  at_utc_ms INTEGER NOT NULL, at_offset_min INTEGER NOT NULL, at_boot_ms INTEGER NOT NULL,
  PRIMARY KEY (visit)
) WITHOUT ROWID;

CREATE TABLE amendment (
  visit BLOB NOT NULL, author INTEGER NOT NULL, n INTEGER NOT NULL, target TEXT NOT NULL, target_key TEXT NOT NULL,
  field TEXT NOT NULL, old_hash BLOB NOT NULL, new_value, reason TEXT NOT NULL, inspector TEXT NOT NULL,
  at_utc_ms INTEGER NOT NULL, at_offset_min INTEGER NOT NULL, at_boot_ms INTEGER NOT NULL,
  PRIMARY KEY (visit, author, n)
) WITHOUT ROWID;

CREATE TABLE disagreement (
  visit BLOB NOT NULL, n INTEGER NOT NULL, target TEXT NOT NULL, target_key TEXT NOT NULL, field TEXT NOT NULL,
  kept_author INTEGER NOT NULL, other_author INTEGER NOT NULL, other_value, resolved INTEGER NOT NULL,
  PRIMARY KEY (visit, n)
) WITHOUT ROWID;
