-- Reaching a person: routes and rota, notices, and each call as a row. Conventions as in 0001.

CREATE TABLE reach_route (
  id BLOB PRIMARY KEY,
  account BLOB NOT NULL REFERENCES account (id),
  turn INTEGER NOT NULL,
  channel TEXT NOT NULL,
  address TEXT NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX reach_route_account ON reach_route (account, turn);

-- Minutes after midnight in the node's zone.
CREATE TABLE reach_quiet (
  account BLOB PRIMARY KEY REFERENCES account (id),
  from_minute INTEGER NOT NULL,
  to_minute INTEGER NOT NULL,
  below INTEGER NOT NULL
) STRICT;

-- Deputies are a JSON list of accounts.
CREATE TABLE reach_shift (
  id BLOB PRIMARY KEY,
  account BLOB NOT NULL REFERENCES account (id),
  deputies TEXT NOT NULL,
  from_at INTEGER NOT NULL,
  until_at INTEGER
) STRICT;

-- State open, acknowledged or over. Key says what it is about, so that raising twice is once.
CREATE TABLE notice (
  id BLOB PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,
  about TEXT NOT NULL,
  level INTEGER NOT NULL,
  title TEXT NOT NULL,
  drill INTEGER NOT NULL,
  raised_at INTEGER NOT NULL,
  state TEXT NOT NULL,
  ended_at INTEGER,
  acknowledged_by BLOB,
  acknowledged_how TEXT
) STRICT;
CREATE INDEX notice_state ON notice (state, raised_at);

-- State waiting, sent, failed, acknowledged or dropped. Turn counts up within a notice.
CREATE TABLE attempt (
  id BLOB PRIMARY KEY,
  notice BLOB NOT NULL REFERENCES notice (id),
  turn INTEGER NOT NULL,
  account BLOB NOT NULL,
  route BLOB NOT NULL,
  channel TEXT NOT NULL,
  address TEXT NOT NULL,
  state TEXT NOT NULL,
  due_at INTEGER NOT NULL,
  done_at INTEGER,
  latency_ms INTEGER,
  reason TEXT NOT NULL,
  token_hash TEXT NOT NULL UNIQUE,
  code TEXT NOT NULL
) STRICT;
CREATE INDEX attempt_notice ON attempt (notice, turn);
