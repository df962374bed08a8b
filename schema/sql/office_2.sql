-- What only the office keeps, as of schema version 2. See schema/DICTIONARY.md.

-- Not derived from the ledger, because they must not stand in it.
CREATE TABLE school_code (
  code_hash BLOB NOT NULL, visit BLOB NOT NULL, expires_utc_ms INTEGER NOT NULL,
  PRIMARY KEY (code_hash)
) WITHOUT ROWID;

-- Row clocks, as in office_1.sql.
ALTER TABLE rectification ADD COLUMN _index INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rectification ADD COLUMN _author INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rectification ADD COLUMN _hlc INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rectification ADD COLUMN _feed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rectification ADD COLUMN _feed_author INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rectification_step ADD COLUMN _index INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rectification_step ADD COLUMN _author INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rectification_step ADD COLUMN _hlc INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rectification_step ADD COLUMN _feed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rectification_step ADD COLUMN _feed_author INTEGER NOT NULL DEFAULT 0;
ALTER TABLE carried_finding ADD COLUMN _index INTEGER NOT NULL DEFAULT 0;
ALTER TABLE carried_finding ADD COLUMN _author INTEGER NOT NULL DEFAULT 0;
ALTER TABLE carried_finding ADD COLUMN _hlc INTEGER NOT NULL DEFAULT 0;
ALTER TABLE carried_finding ADD COLUMN _feed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE carried_finding ADD COLUMN _feed_author INTEGER NOT NULL DEFAULT 0;
ALTER TABLE reinspection_result ADD COLUMN _index INTEGER NOT NULL DEFAULT 0;
ALTER TABLE reinspection_result ADD COLUMN _author INTEGER NOT NULL DEFAULT 0;
ALTER TABLE reinspection_result ADD COLUMN _hlc INTEGER NOT NULL DEFAULT 0;
ALTER TABLE reinspection_result ADD COLUMN _feed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE reinspection_result ADD COLUMN _feed_author INTEGER NOT NULL DEFAULT 0;
