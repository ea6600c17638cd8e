-- Log-in: what a session says of itself, second factors, one-time secrets; and an audit that can be asked by
-- person, act and time. Sessions begin anew.
DROP TABLE session;
CREATE TABLE session (
  token_hash TEXT PRIMARY KEY,
  id BLOB NOT NULL UNIQUE,
  account BLOB NOT NULL REFERENCES account (id),
  csrf TEXT NOT NULL,
  address TEXT NOT NULL,
  device TEXT NOT NULL,
  proof TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  last_seen_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  ends_at INTEGER NOT NULL
) STRICT;
CREATE INDEX session_account ON session (account);

CREATE TABLE session_read (
  session BLOB NOT NULL REFERENCES session (id) ON DELETE CASCADE,
  verb TEXT NOT NULL,
  object TEXT NOT NULL,
  PRIMARY KEY (session, verb, object)
) STRICT;

CREATE TABLE ticket (
  token_hash TEXT PRIMARY KEY,
  purpose TEXT NOT NULL,
  account BLOB REFERENCES account (id),
  data TEXT NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX ticket_purpose ON ticket (purpose, expires_at);

CREATE TABLE totp (
  account BLOB PRIMARY KEY REFERENCES account (id),
  sealed BLOB NOT NULL,
  last_step INTEGER NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE break_glass (
  code_hash TEXT PRIMARY KEY,
  made_at INTEGER NOT NULL,
  used_at INTEGER,
  used_from TEXT NOT NULL
) STRICT;

CREATE TABLE passkey (
  credential BLOB PRIMARY KEY,
  id BLOB NOT NULL UNIQUE,
  account BLOB NOT NULL REFERENCES account (id),
  public_key BLOB NOT NULL,
  counter INTEGER NOT NULL,
  name TEXT NOT NULL,
  backed_up INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  last_used_at INTEGER
) STRICT;
CREATE INDEX passkey_account ON passkey (account);

ALTER TABLE audit ADD COLUMN who TEXT NOT NULL DEFAULT '';
UPDATE audit SET who = COALESCE(
  json_extract(actor, '$.account'), json_extract(actor, '$.name'), json_extract(actor, '$.node'), '');
CREATE INDEX audit_who ON audit (who, number);
CREATE INDEX audit_verb ON audit (verb, number);
CREATE INDEX audit_at ON audit (at);
