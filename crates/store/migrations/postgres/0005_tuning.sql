-- Exceptions from rules, rules that are off, and how much each filter hid.
CREATE TABLE exception (
  id UUID PRIMARY KEY,
  rule_id TEXT COLLATE "C" NOT NULL,
  rule_title TEXT COLLATE "C" NOT NULL,
  filter TEXT COLLATE "C" NOT NULL,
  scope TEXT COLLATE "C" NOT NULL,
  reason TEXT COLLATE "C" NOT NULL,
  author TEXT COLLATE "C" NOT NULL,
  alert UUID,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  ended_at BIGINT,
  ended_by TEXT COLLATE "C"
);
CREATE INDEX exception_end ON exception (expires_at, id);

CREATE TABLE rule_off (
  rule_id TEXT COLLATE "C" PRIMARY KEY,
  rule_title TEXT COLLATE "C" NOT NULL,
  reason TEXT COLLATE "C" NOT NULL,
  author TEXT COLLATE "C" NOT NULL,
  since_at BIGINT NOT NULL
);

-- A filter is an exception (by its id as text) or a Sigma filter of a rule file.
CREATE TABLE filter_count (
  filter TEXT COLLATE "C" PRIMARY KEY,
  hidden BIGINT NOT NULL,
  first_at BIGINT NOT NULL,
  last_at BIGINT NOT NULL
);

CREATE INDEX alert_rule ON alert (rule_id, last_at);
