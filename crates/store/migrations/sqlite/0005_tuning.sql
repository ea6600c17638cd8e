-- Exceptions from rules, rules that are off, and how much each filter hid.
CREATE TABLE exception (
  id BLOB PRIMARY KEY,
  rule_id TEXT NOT NULL,
  rule_title TEXT NOT NULL,
  filter TEXT NOT NULL,
  scope TEXT NOT NULL,
  reason TEXT NOT NULL,
  author TEXT NOT NULL,
  alert BLOB,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  ended_at INTEGER,
  ended_by TEXT
) STRICT;
CREATE INDEX exception_end ON exception (expires_at, id);

CREATE TABLE rule_off (
  rule_id TEXT PRIMARY KEY,
  rule_title TEXT NOT NULL,
  reason TEXT NOT NULL,
  author TEXT NOT NULL,
  since_at INTEGER NOT NULL
) STRICT;

-- A filter is an exception (by its id as text) or a Sigma filter of a rule file.
CREATE TABLE filter_count (
  filter TEXT PRIMARY KEY,
  hidden INTEGER NOT NULL,
  first_at INTEGER NOT NULL,
  last_at INTEGER NOT NULL
) STRICT;

CREATE INDEX alert_rule ON alert (rule_id, last_at);
