-- Log-in: what a session says of itself, second factors, one-time secrets; and an audit that can be asked by
-- person, act and time. Sessions begin anew.
DROP TABLE session;
CREATE TABLE session (
  token_hash TEXT COLLATE "C" PRIMARY KEY,
  id UUID NOT NULL UNIQUE,
  account UUID NOT NULL REFERENCES account (id),
  csrf TEXT COLLATE "C" NOT NULL,
  address TEXT COLLATE "C" NOT NULL,
  device TEXT COLLATE "C" NOT NULL,
  proof TEXT COLLATE "C" NOT NULL,
  created_at BIGINT NOT NULL,
  last_seen_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  ends_at BIGINT NOT NULL
);
CREATE INDEX session_account ON session (account);

CREATE TABLE session_read (
  session UUID NOT NULL REFERENCES session (id) ON DELETE CASCADE,
  verb TEXT COLLATE "C" NOT NULL,
  object TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (session, verb, object)
);

CREATE TABLE ticket (
  token_hash TEXT COLLATE "C" PRIMARY KEY,
  purpose TEXT COLLATE "C" NOT NULL,
  account UUID REFERENCES account (id),
  data TEXT COLLATE "C" NOT NULL,
  expires_at BIGINT NOT NULL
);
CREATE INDEX ticket_purpose ON ticket (purpose, expires_at);

CREATE TABLE totp (
  account UUID PRIMARY KEY REFERENCES account (id),
  sealed BYTEA NOT NULL,
  last_step BIGINT NOT NULL,
  created_at BIGINT NOT NULL
);

CREATE TABLE break_glass (
  code_hash TEXT COLLATE "C" PRIMARY KEY,
  made_at BIGINT NOT NULL,
  used_at BIGINT,
  used_from TEXT COLLATE "C" NOT NULL
);

CREATE TABLE passkey (
  credential BYTEA PRIMARY KEY,
  id UUID NOT NULL UNIQUE,
  account UUID NOT NULL REFERENCES account (id),
  public_key BYTEA NOT NULL,
  counter BIGINT NOT NULL,
  name TEXT COLLATE "C" NOT NULL,
  backed_up BOOLEAN NOT NULL,
  created_at BIGINT NOT NULL,
  last_used_at BIGINT
);
CREATE INDEX passkey_account ON passkey (account);

ALTER TABLE audit ADD COLUMN who TEXT COLLATE "C" NOT NULL DEFAULT '';
UPDATE audit SET who = COALESCE(actor::json ->> 'account', actor::json ->> 'name', actor::json ->> 'node', '');
CREATE INDEX audit_who ON audit (who, number);
CREATE INDEX audit_verb ON audit (verb, number);
CREATE INDEX audit_at ON audit (at);
