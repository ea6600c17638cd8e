-- What the hub answered to an item that went up and was not taken (`refused` or `conflict`), and why in its words.
ALTER TABLE outbox ADD COLUMN answer TEXT;
ALTER TABLE outbox ADD COLUMN answer_why TEXT;

-- How far a member's clock was from this hub's in its last push. Milliseconds; above zero: behind.
ALTER TABLE member ADD COLUMN clock_off_ms INTEGER;

-- What members said they had to drop. The key is the member's own; a gap that grew is told again with more.
CREATE TABLE member_gap (
  member TEXT NOT NULL,
  epoch INTEGER NOT NULL,
  id INTEGER NOT NULL,
  dropped INTEGER NOT NULL,
  from_at INTEGER NOT NULL,
  to_at INTEGER NOT NULL,
  told_at INTEGER NOT NULL,
  PRIMARY KEY (member, epoch, id)
) STRICT;
CREATE INDEX member_gap_told ON member_gap (told_at);
