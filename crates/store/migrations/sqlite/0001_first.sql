-- Format 1. Times are microseconds since 1970, UTC. Ids are 16 bytes. JSON is text and read whole.
-- Levels are 1 informational to 5 critical. The same tables as ../postgres/0001_first.sql; a test compares them.

CREATE TABLE node (
  only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
  epoch INTEGER NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;
INSERT INTO node (only_row, epoch, created_at) VALUES (1, 1, CAST(unixepoch('subsec') * 1000000 AS INTEGER));

-- Heads of streams whose position order is commit order.
CREATE TABLE stream (
  name TEXT PRIMARY KEY,
  head INTEGER NOT NULL,
  floor INTEGER NOT NULL
) STRICT;
INSERT INTO stream (name, head, floor) VALUES ('outbox', 0, 0), ('published', 0, 0), ('sighting', 0, 0);

-- How far this node has read: scan, judged, down.
CREATE TABLE cursor (
  name TEXT PRIMARY KEY,
  position INTEGER NOT NULL
) STRICT;

-- Records.
CREATE TABLE record (
  id BLOB PRIMARY KEY,
  kind TEXT NOT NULL,
  format INTEGER NOT NULL,
  version INTEGER NOT NULL,
  state TEXT NOT NULL,
  head_hash TEXT NOT NULL,
  tlp TEXT NOT NULL,
  pap TEXT NOT NULL,
  drill INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX record_newest ON record (kind, created_at, id);

CREATE TABLE fact (
  record BLOB NOT NULL REFERENCES record (id),
  seq INTEGER NOT NULL,
  at INTEGER NOT NULL,
  body TEXT NOT NULL,
  hash TEXT NOT NULL,
  previous_hash TEXT,
  PRIMARY KEY (record, seq)
) STRICT;

CREATE TABLE duty (
  record BLOB NOT NULL REFERENCES record (id),
  key TEXT NOT NULL,
  due_at INTEGER NOT NULL,
  bearer TEXT NOT NULL,
  citation TEXT NOT NULL,
  PRIMARY KEY (record, key)
) STRICT;
CREATE INDEX duty_soonest ON duty (due_at);

CREATE TABLE facet (
  record BLOB NOT NULL REFERENCES record (id),
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (record, name, value)
) STRICT;
CREATE INDEX facet_value ON facet (name, value, record);

-- The body is the exact bytes of the text. Erasing takes salt and body; the hash stays in the facts.
CREATE TABLE document (
  id BLOB PRIMARY KEY,
  record BLOB NOT NULL REFERENCES record (id),
  salt BLOB,
  body BLOB,
  hash TEXT NOT NULL,
  erased_at INTEGER
) STRICT;
CREATE INDEX document_record ON document (record);

-- No reference to record: a hub also remembers the warnings of other hubs that were passed on from here.
CREATE TABLE cluster_key (
  key TEXT PRIMARY KEY,
  record BLOB NOT NULL
) STRICT;

-- Telemetry.
CREATE TABLE alert (
  id BLOB PRIMARY KEY,
  rule_id TEXT NOT NULL,
  rule_title TEXT NOT NULL,
  family TEXT NOT NULL,
  level INTEGER NOT NULL,
  host TEXT NOT NULL,
  source INTEGER NOT NULL,
  first_at INTEGER NOT NULL,
  last_at INTEGER NOT NULL,
  count INTEGER NOT NULL,
  seqs TEXT NOT NULL,
  matched TEXT NOT NULL,
  observables TEXT NOT NULL,
  origin TEXT NOT NULL,
  action TEXT NOT NULL,
  drill INTEGER NOT NULL,
  state TEXT NOT NULL,
  case_id BLOB,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  version INTEGER NOT NULL,
  search_text TEXT NOT NULL
) STRICT;
CREATE INDEX alert_newest ON alert (last_at, id);
CREATE INDEX alert_case ON alert (case_id);

CREATE TABLE base_detection (
  number INTEGER PRIMARY KEY,
  rule_id TEXT NOT NULL,
  window_group TEXT NOT NULL,
  at INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  payload BLOB NOT NULL
) STRICT;
CREATE INDEX base_detection_at ON base_detection (at);

CREATE TABLE quarantined (
  seq INTEGER PRIMARY KEY,
  reason TEXT NOT NULL,
  at INTEGER NOT NULL
) STRICT;

-- Sources.
CREATE TABLE source (
  number INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  carrier TEXT NOT NULL,
  format TEXT NOT NULL,
  zone TEXT,
  first_at INTEGER,
  last_at INTEGER,
  received INTEGER NOT NULL DEFAULT 0,
  stored INTEGER NOT NULL DEFAULT 0,
  refused INTEGER NOT NULL DEFAULT 0,
  scanned INTEGER NOT NULL DEFAULT 0,
  flagged INTEGER NOT NULL DEFAULT 0,
  undecoded INTEGER NOT NULL DEFAULT 0,
  supplier TEXT,
  token_hash TEXT UNIQUE,
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE source_refused (
  source INTEGER NOT NULL,
  reason TEXT NOT NULL,
  events INTEGER NOT NULL,
  PRIMARY KEY (source, reason)
) STRICT;

CREATE TABLE follow (
  key TEXT PRIMARY KEY,
  inode INTEGER NOT NULL,
  read_offset INTEGER NOT NULL
) STRICT;

-- Up. Lane 1 record, 2 release, 3 sighting. State waiting, held or sent. `turn` is the place in the queue, `position`
-- the identity of this version.
CREATE TABLE outbox (
  position INTEGER PRIMARY KEY,
  turn INTEGER NOT NULL,
  lane INTEGER NOT NULL,
  kind TEXT NOT NULL,
  key BLOB NOT NULL,
  version INTEGER NOT NULL,
  body BLOB NOT NULL,
  hash TEXT NOT NULL,
  state TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  sent_at INTEGER
) STRICT;
CREATE INDEX outbox_turn ON outbox (state, lane, turn);
CREATE UNIQUE INDEX outbox_unsent ON outbox (kind, key) WHERE state <> 'sent';

CREATE TABLE gap (
  id INTEGER PRIMARY KEY,
  lane INTEGER NOT NULL,
  dropped INTEGER NOT NULL,
  from_at INTEGER NOT NULL,
  to_at INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  sent_at INTEGER
) STRICT;

-- Down.
CREATE TABLE published (
  position INTEGER PRIMARY KEY,
  bytes BLOB NOT NULL,
  signer BLOB NOT NULL,
  signature BLOB NOT NULL,
  issuer TEXT NOT NULL,
  id BLOB NOT NULL,
  version INTEGER NOT NULL,
  cluster BLOB NOT NULL,
  issued_at INTEGER NOT NULL,
  skip TEXT,
  published_at INTEGER NOT NULL,
  UNIQUE (issuer, id, version)
) STRICT;
CREATE INDEX published_id ON published (id);

-- What members sent. The body of a sighting is kept in its own table.
CREATE TABLE inbox (
  origin TEXT NOT NULL,
  epoch INTEGER NOT NULL,
  kind TEXT NOT NULL,
  key BLOB NOT NULL,
  version INTEGER NOT NULL,
  hash TEXT NOT NULL,
  body BLOB,
  received_at INTEGER NOT NULL,
  PRIMARY KEY (origin, epoch, kind, key, version)
) STRICT;
CREATE INDEX inbox_kind ON inbox (kind, received_at);

CREATE TABLE inbox_conflict (
  origin TEXT NOT NULL,
  epoch INTEGER NOT NULL,
  kind TEXT NOT NULL,
  key BLOB NOT NULL,
  version INTEGER NOT NULL,
  stored_hash TEXT NOT NULL,
  offered_hash TEXT NOT NULL,
  body BLOB NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (origin, epoch, kind, key, version, offered_hash)
) STRICT;

CREATE TABLE sighting (
  number INTEGER PRIMARY KEY,
  position INTEGER NOT NULL UNIQUE,
  hospital TEXT NOT NULL,
  id BLOB NOT NULL,
  epoch INTEGER NOT NULL,
  version INTEGER NOT NULL,
  received_at INTEGER NOT NULL,
  day INTEGER NOT NULL,
  family TEXT NOT NULL,
  level INTEGER NOT NULL,
  country TEXT NOT NULL,
  drill INTEGER NOT NULL,
  body TEXT NOT NULL,
  UNIQUE (hospital, id)
) STRICT;
CREATE INDEX sighting_received ON sighting (received_at);

CREATE TABLE sighting_key (
  key TEXT NOT NULL,
  sighting INTEGER NOT NULL,
  PRIMARY KEY (key, sighting)
) STRICT;
CREATE INDEX sighting_key_sighting ON sighting_key (sighting);

-- On which days (since 1970, UTC) a hospital showed a family; drills never count.
CREATE TABLE family_day (
  hospital TEXT NOT NULL,
  family TEXT NOT NULL,
  day INTEGER NOT NULL,
  PRIMARY KEY (hospital, family, day)
) STRICT;

-- Rules that many fired at once; a person looks at them.
CREATE TABLE suspected_rule (
  rule_id TEXT PRIMARY KEY,
  hospitals INTEGER NOT NULL,
  first_at INTEGER NOT NULL,
  last_at INTEGER NOT NULL,
  cleared_at INTEGER
) STRICT;

CREATE TABLE invite (
  secret_hash TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  country TEXT NOT NULL,
  role TEXT NOT NULL,
  expires_at INTEGER NOT NULL,
  created_by BLOB,
  used_at INTEGER,
  used_by TEXT
) STRICT;

CREATE TABLE member (
  node TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  country TEXT NOT NULL,
  role TEXT NOT NULL,
  public_key BLOB NOT NULL,
  pseudonym TEXT NOT NULL,
  state TEXT NOT NULL,
  enrolled_at INTEGER NOT NULL,
  certificate_until INTEGER NOT NULL,
  last_seen_at INTEGER,
  cursor INTEGER NOT NULL,
  epoch INTEGER NOT NULL
) STRICT;

-- Step 1 sent, 2 received, 3 verdict.
CREATE TABLE delivery (
  release BLOB NOT NULL,
  version INTEGER NOT NULL,
  member TEXT NOT NULL,
  step INTEGER NOT NULL,
  verdict TEXT,
  at INTEGER NOT NULL,
  latency_ms INTEGER,
  PRIMARY KEY (release, version, member)
) STRICT;

CREATE TABLE received (
  issuer TEXT NOT NULL,
  release BLOB NOT NULL,
  version INTEGER NOT NULL,
  cluster BLOB NOT NULL,
  issuer_name TEXT NOT NULL,
  content TEXT,
  bytes BLOB NOT NULL,
  signer BLOB NOT NULL,
  signature BLOB NOT NULL,
  tlp TEXT NOT NULL,
  pap TEXT NOT NULL,
  drill INTEGER NOT NULL,
  received_at INTEGER NOT NULL,
  state TEXT NOT NULL,
  would_match INTEGER,
  verdict TEXT NOT NULL,
  verdict_why TEXT NOT NULL,
  decided_at INTEGER NOT NULL,
  seen_by BLOB,
  seen_at INTEGER,
  PRIMARY KEY (issuer, release)
) STRICT;
CREATE INDEX received_newest ON received (received_at);

-- People.
CREATE TABLE account (
  id BLOB PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  password_hash TEXT NOT NULL,
  role TEXT NOT NULL,
  disabled INTEGER NOT NULL,
  failures INTEGER NOT NULL,
  locked_until INTEGER,
  preferences TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  last_login_at INTEGER
) STRICT;

CREATE TABLE first_run (
  token_hash TEXT PRIMARY KEY,
  expires_at INTEGER NOT NULL
) STRICT;

CREATE TABLE session (
  token_hash TEXT PRIMARY KEY,
  account BLOB NOT NULL REFERENCES account (id),
  csrf TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  last_seen_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX session_account ON session (account);

CREATE TABLE audit (
  number INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  actor TEXT NOT NULL,
  verb TEXT NOT NULL,
  object TEXT NOT NULL,
  detail TEXT NOT NULL
) STRICT;

CREATE TABLE setting (
  key TEXT PRIMARY KEY,
  value TEXT NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT;

CREATE TABLE lease (
  name TEXT PRIMARY KEY,
  holder TEXT NOT NULL,
  until_at INTEGER NOT NULL
) STRICT;
