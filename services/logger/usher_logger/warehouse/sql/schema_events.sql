-- one row per event id
CREATE TABLE IF NOT EXISTS events (
  id STRING NOT NULL,
  type STRING NOT NULL,
  source STRING NOT NULL,
  time TIMESTAMP NOT NULL,
  subject STRING,
  data JSON NOT NULL,
  received_at TIMESTAMP NOT NULL
)
PARTITION BY DATE(time)
CLUSTER BY type
