-- What only the office keeps, as of schema version 2. See schema/DICTIONARY.md.

-- Not derived from the ledger, because they must not stand in it.
CREATE TABLE school_code (
  code_hash BLOB NOT NULL, visit BLOB NOT NULL, expires_utc_ms INTEGER NOT NULL,
  PRIMARY KEY (code_hash)
) WITHOUT ROWID;
CREATE TABLE photo (
  visit BLOB NOT NULL, sha256 BLOB NOT NULL, body BLOB NOT NULL, received_utc_ms INTEGER NOT NULL,
  PRIMARY KEY (visit, sha256)
);
CREATE TABLE credential (
  person TEXT NOT NULL, password TEXT NOT NULL, totp_secret BLOB, totp_last INTEGER NOT NULL, failures INTEGER NOT NULL,
  not_before_utc_ms INTEGER NOT NULL,
  PRIMARY KEY (person)
) WITHOUT ROWID;
CREATE TABLE login_session (
  token_hash BLOB NOT NULL, person TEXT NOT NULL, begun_utc_ms INTEGER NOT NULL, used_utc_ms INTEGER NOT NULL,
  PRIMARY KEY (token_hash)
) WITHOUT ROWID;

CREATE INDEX inspector_step_feed ON inspector_step (_feed);
CREATE INDEX training_feed ON training (_feed);
CREATE INDEX assessment_feed ON assessment (_feed);
CREATE INDEX sealed_assignment_feed ON sealed_assignment (_feed);
CREATE INDEX proceeding_visit ON proceeding (visit);
