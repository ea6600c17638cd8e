-- What the hub answered to an item that went up and was not taken (`refused` or `conflict`), and why in its words.
ALTER TABLE outbox ADD COLUMN answer TEXT;
ALTER TABLE outbox ADD COLUMN answer_why TEXT;

-- How far a member's clock was from this hub's in its last push. Milliseconds; above zero: behind.
ALTER TABLE member ADD COLUMN clock_off_ms BIGINT;

-- What members said they had to drop. The key is the member's own; a gap that grew is told again with more.
CREATE TABLE member_gap (
  member TEXT COLLATE "C" NOT NULL,
  epoch BIGINT NOT NULL,
  id BIGINT NOT NULL,
  dropped BIGINT NOT NULL,
  from_at BIGINT NOT NULL,
  to_at BIGINT NOT NULL,
  told_at BIGINT NOT NULL,
  PRIMARY KEY (member, epoch, id)
);
CREATE INDEX member_gap_told ON member_gap (told_at);
