-- Reaching a person: routes and rota, notices, and each call as a row. Conventions as in 0001.

CREATE TABLE reach_route (
  id UUID PRIMARY KEY,
  account UUID NOT NULL REFERENCES account (id),
  turn BIGINT NOT NULL,
  channel TEXT COLLATE "C" NOT NULL,
  address TEXT COLLATE "C" NOT NULL,
  created_at BIGINT NOT NULL
);
CREATE INDEX reach_route_account ON reach_route (account, turn);

-- Minutes after midnight in the node's zone.
CREATE TABLE reach_quiet (
  account UUID PRIMARY KEY REFERENCES account (id),
  from_minute BIGINT NOT NULL,
  to_minute BIGINT NOT NULL,
  below BIGINT NOT NULL
);

-- Deputies are a JSON list of accounts.
CREATE TABLE reach_shift (
  id UUID PRIMARY KEY,
  account UUID NOT NULL REFERENCES account (id),
  deputies TEXT COLLATE "C" NOT NULL,
  from_at BIGINT NOT NULL,
  until_at BIGINT
);

-- State open, acknowledged or over. Key says what it is about, so that raising twice is once.
CREATE TABLE notice (
  id UUID PRIMARY KEY,
  key TEXT COLLATE "C" NOT NULL UNIQUE,
  about TEXT COLLATE "C" NOT NULL,
  level BIGINT NOT NULL,
  title TEXT COLLATE "C" NOT NULL,
  drill BOOLEAN NOT NULL,
  raised_at BIGINT NOT NULL,
  state TEXT COLLATE "C" NOT NULL,
  ended_at BIGINT,
  acknowledged_by UUID,
  acknowledged_how TEXT COLLATE "C"
);
CREATE INDEX notice_state ON notice (state, raised_at);

-- State waiting, sent, failed, acknowledged or dropped. Turn counts up within a notice.
CREATE TABLE attempt (
  id UUID PRIMARY KEY,
  notice UUID NOT NULL REFERENCES notice (id),
  turn BIGINT NOT NULL,
  account UUID NOT NULL,
  route UUID NOT NULL,
  channel TEXT COLLATE "C" NOT NULL,
  address TEXT COLLATE "C" NOT NULL,
  state TEXT COLLATE "C" NOT NULL,
  due_at BIGINT NOT NULL,
  done_at BIGINT,
  latency_ms BIGINT,
  reason TEXT COLLATE "C" NOT NULL,
  token_hash TEXT COLLATE "C" NOT NULL UNIQUE,
  code TEXT COLLATE "C" NOT NULL
);
CREATE INDEX attempt_notice ON attempt (notice, turn);
