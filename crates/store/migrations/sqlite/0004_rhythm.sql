-- When each source was last heard, by this node's clock.
CREATE TABLE source_heard (
  source INTEGER PRIMARY KEY,
  heard_at INTEGER NOT NULL
) STRICT;

-- The longest usual gap between two events of a source that ended in an hour of the week (0 is Monday 00:00 in the
-- node's zone), and how many such hours were seen.
CREATE TABLE source_rhythm (
  source INTEGER NOT NULL,
  hour INTEGER NOT NULL,
  gap_s INTEGER NOT NULL,
  times INTEGER NOT NULL,
  PRIMARY KEY (source, hour)
) STRICT;
