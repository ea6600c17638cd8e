-- When each source was last heard, by this node's clock.
CREATE TABLE source_heard (
  source BIGINT PRIMARY KEY,
  heard_at BIGINT NOT NULL
);

-- The longest usual gap between two events of a source that ended in an hour of the week (0 is Monday 00:00 in the
-- node's zone), and how many such hours were seen.
CREATE TABLE source_rhythm (
  source BIGINT NOT NULL,
  hour BIGINT NOT NULL,
  gap_s BIGINT NOT NULL,
  times BIGINT NOT NULL,
  PRIMARY KEY (source, hour)
);
