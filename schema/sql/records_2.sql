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

CREATE TABLE rectification_photo (
  visit BLOB NOT NULL, author INTEGER NOT NULL, n INTEGER NOT NULL, step INTEGER NOT NULL, sha256 BLOB NOT NULL,
  shows TEXT NOT NULL, media TEXT NOT NULL, size INTEGER NOT NULL,
  PRIMARY KEY (visit, author, n, step, sha256)
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

-- What others could learn from the school, recorded on the visit as a note is, and shown as findings are.

CREATE TABLE highlight (
  visit BLOB NOT NULL, author INTEGER NOT NULL, n INTEGER NOT NULL, item TEXT, text TEXT NOT NULL,
  void_reason TEXT, inspector TEXT NOT NULL,
  at_utc_ms INTEGER NOT NULL, at_offset_min INTEGER NOT NULL, at_boot_ms INTEGER NOT NULL,
  PRIMARY KEY (visit, author, n)
) WITHOUT ROWID;

-- What a jurisdiction has settled: figures that rules ask for, and limits of time.

CREATE TABLE policy (
  jurisdiction TEXT NOT NULL, name TEXT NOT NULL, from_day INTEGER NOT NULL, value INTEGER NOT NULL, source TEXT NOT NULL,
  PRIMARY KEY (jurisdiction, name, from_day)
) WITHOUT ROWID;

CREATE TABLE deadline_book (
  code TEXT NOT NULL, version INTEGER NOT NULL, title TEXT NOT NULL, body TEXT NOT NULL, published_utc_ms INTEGER NOT NULL,
  PRIMARY KEY (code, version)
) WITHOUT ROWID;

-- An inspector's years: how they came to be one, what they learned, how they were judged.

CREATE TABLE inspector_profile (
  inspector TEXT NOT NULL, org_unit TEXT, degree INTEGER NOT NULL, education_years INTEGER NOT NULL, subjects TEXT,
  PRIMARY KEY (inspector)
) WITHOUT ROWID;

CREATE TABLE inspector_step (
  inspector TEXT NOT NULL, n INTEGER NOT NULL, event TEXT NOT NULL, state TEXT NOT NULL, person TEXT NOT NULL,
  reason TEXT, day INTEGER NOT NULL, at_utc_ms INTEGER NOT NULL,
  PRIMARY KEY (inspector, n)
) WITHOUT ROWID;

CREATE TABLE term_of_office (
  inspector TEXT NOT NULL, n INTEGER NOT NULL, from_day INTEGER NOT NULL, to_day INTEGER NOT NULL, ended_day INTEGER,
  PRIMARY KEY (inspector, n)
) WITHOUT ROWID;

CREATE TABLE training (
  inspector TEXT NOT NULL, n INTEGER NOT NULL, day INTEGER NOT NULL, hours INTEGER NOT NULL, title TEXT NOT NULL,
  provider TEXT, void_reason TEXT, person TEXT NOT NULL, at_utc_ms INTEGER NOT NULL,
  PRIMARY KEY (inspector, n)
) WITHOUT ROWID;

CREATE TABLE assessment (
  inspector TEXT NOT NULL, year INTEGER NOT NULL, inputs TEXT NOT NULL, proposed TEXT NOT NULL, decided TEXT NOT NULL,
  person TEXT NOT NULL, reason TEXT, at_utc_ms INTEGER NOT NULL,
  PRIMARY KEY (inspector, year)
) WITHOUT ROWID;

-- What a campaign consists of, and assignments that nobody can read before their time.

CREATE TABLE campaign_design (
  campaign TEXT NOT NULL, org_unit TEXT, scope TEXT NOT NULL, focus TEXT NOT NULL, trigger TEXT NOT NULL,
  intent TEXT NOT NULL, template TEXT, template_version INTEGER, items TEXT, quota INTEGER,
  PRIMARY KEY (campaign)
) WITHOUT ROWID;

CREATE TABLE sealed_assignment (
  inspector TEXT NOT NULL, visit BLOB NOT NULL, unseal_at_utc_ms INTEGER NOT NULL, body BLOB NOT NULL, seal_key BLOB,
  PRIMARY KEY (inspector, visit)
) WITHOUT ROWID;

-- The office's own: who works there, and what follows from visits, from the report to accountability.

CREATE TABLE person (
  code TEXT NOT NULL, name TEXT NOT NULL, roles TEXT NOT NULL, org_unit TEXT NOT NULL, status TEXT NOT NULL,
  PRIMARY KEY (code)
) WITHOUT ROWID;

CREATE TABLE proceeding (
  code TEXT NOT NULL, kind TEXT NOT NULL, state TEXT NOT NULL, org_unit TEXT, school TEXT, visit BLOB,
  finding_author INTEGER, finding_n INTEGER, subject TEXT NOT NULL, basis TEXT, measures TEXT, facts TEXT,
  opened_day INTEGER NOT NULL, due_day INTEGER, due_step TEXT, due_rule TEXT,
  PRIMARY KEY (code)
) WITHOUT ROWID;

CREATE TABLE proceeding_step (
  proceeding TEXT NOT NULL, n INTEGER NOT NULL, event TEXT NOT NULL, state TEXT NOT NULL, person TEXT NOT NULL,
  text TEXT, recipients TEXT, document_hash BLOB, day INTEGER NOT NULL, due_day INTEGER, at_utc_ms INTEGER NOT NULL,
  PRIMARY KEY (proceeding, n)
) WITHOUT ROWID;
