-- What becomes of a finding after the visit, as of schema version 2: notice, what the school does, re-inspection. What the
-- inspectors recorded stays as it was signed; this stands beside it.

CREATE TABLE rectification (
  visit BLOB NOT NULL, author INTEGER NOT NULL, n INTEGER NOT NULL,
  state TEXT NOT NULL, round INTEGER NOT NULL, route TEXT NOT NULL, superior_unit TEXT NOT NULL,
  due_day INTEGER, responsible TEXT, plan TEXT, report TEXT,
  PRIMARY KEY (visit, author, n)
) WITHOUT ROWID;

CREATE TABLE rectification_step (
  visit BLOB NOT NULL, author INTEGER NOT NULL, n INTEGER NOT NULL, step INTEGER NOT NULL,
  event TEXT NOT NULL, round INTEGER NOT NULL, actor TEXT NOT NULL, person TEXT NOT NULL, text TEXT, due_day INTEGER,
  reinspection BLOB, at_utc_ms INTEGER NOT NULL,
  PRIMARY KEY (visit, author, n, step)
) WITHOUT ROWID;

CREATE TABLE carried_finding (
  visit BLOB NOT NULL, finding_visit BLOB NOT NULL, finding_author INTEGER NOT NULL, finding_n INTEGER NOT NULL,
  item TEXT, severity TEXT NOT NULL, clause TEXT, text TEXT NOT NULL, round INTEGER NOT NULL, due_day INTEGER,
  plan TEXT, report TEXT,
  PRIMARY KEY (visit, finding_visit, finding_author, finding_n)
) WITHOUT ROWID;

CREATE TABLE reinspection_result (
  visit BLOB NOT NULL, finding_visit BLOB NOT NULL, finding_author INTEGER NOT NULL, finding_n INTEGER NOT NULL,
  outcome TEXT NOT NULL, text TEXT, inspector TEXT NOT NULL,
  at_utc_ms INTEGER NOT NULL, at_offset_min INTEGER NOT NULL, at_boot_ms INTEGER NOT NULL,
  PRIMARY KEY (visit, finding_visit, finding_author, finding_n)
) WITHOUT ROWID;
