-- What only the office keeps, beside the clock that schema/CMakeLists.txt adds to each record. See schema/DICTIONARY.md.

-- The truth: every statement in the order in which it was registered. All else can be rebuilt from it.
CREATE TABLE ledger (
  log_index INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, type INTEGER NOT NULL, author INTEGER NOT NULL,
  seq INTEGER NOT NULL, bytes BLOB NOT NULL, refusal INTEGER, refusal_detail TEXT
);
CREATE INDEX ledger_author ON ledger (author, seq);
CREATE INDEX ledger_refused ON ledger (log_index) WHERE refusal IS NOT NULL;

-- One row a group commit: all statements below size and not below the batch before. Its signature is not kept: Ed25519
-- gives the same one every time.
CREATE TABLE batch (
  size INTEGER PRIMARY KEY, registered_utc_ms INTEGER NOT NULL
);

-- Hashes of perfect subtrees of the RFC 9162 tree.
CREATE TABLE node (
  level INTEGER NOT NULL, position INTEGER NOT NULL, hash BLOB NOT NULL,
  PRIMARY KEY (level, position)
) WITHOUT ROWID;

CREATE TABLE device (
  no INTEGER PRIMARY KEY, kid BLOB NOT NULL UNIQUE, algorithm INTEGER NOT NULL, public_key BLOB NOT NULL,
  inspector TEXT NOT NULL, name TEXT NOT NULL, state TEXT NOT NULL, enrolled_index INTEGER NOT NULL,
  expires_utc_s INTEGER, head_seq INTEGER NOT NULL, head_id BLOB NOT NULL, cut_seq INTEGER, reason TEXT
);

CREATE TABLE quarantine (
  n INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, device INTEGER NOT NULL, seq INTEGER NOT NULL, code INTEGER NOT NULL,
  detail TEXT NOT NULL, received_utc_ms INTEGER NOT NULL, bytes BLOB NOT NULL
);

-- Who wrote a cell last, where that differs from who wrote its row.
CREATE TABLE cell_clock (
  table_id INTEGER NOT NULL, row_key BLOB NOT NULL, column_no INTEGER NOT NULL,
  log_index INTEGER NOT NULL, author INTEGER NOT NULL, hlc INTEGER NOT NULL,
  PRIMARY KEY (table_id, row_key, column_no)
) WITHOUT ROWID;

-- What each feed author has to do with a visit: the feed asks here first, and so does who wants to write.
CREATE TABLE visit_touch (
  visit BLOB NOT NULL, feed_author INTEGER NOT NULL, feed INTEGER NOT NULL, tables INTEGER NOT NULL,
  PRIMARY KEY (visit, feed_author)
) WITHOUT ROWID;

-- Not derived from the ledger, because they must not stand in it.
CREATE TABLE offer (
  code_hash BLOB NOT NULL, inspector TEXT NOT NULL, expires_utc_ms INTEGER NOT NULL,
  PRIMARY KEY (code_hash)
) WITHOUT ROWID;
CREATE TABLE draw_secret (
  draw TEXT NOT NULL, secret BLOB NOT NULL,
  PRIMARY KEY (draw)
) WITHOUT ROWID;
CREATE TABLE enrolment_request (
  kid BLOB NOT NULL, bytes BLOB NOT NULL, received_utc_ms INTEGER NOT NULL,
  PRIMARY KEY (kid)
) WITHOUT ROWID;
CREATE TABLE setting (
  name TEXT NOT NULL, value,
  PRIMARY KEY (name)
) WITHOUT ROWID;

CREATE INDEX school_feed ON school (_feed);
CREATE INDEX template_feed ON template (_feed);
CREATE INDEX zone_school ON zone (school);
CREATE INDEX team_inspector ON team_member (inspector, visit);
CREATE INDEX visit_school ON visit (school);
