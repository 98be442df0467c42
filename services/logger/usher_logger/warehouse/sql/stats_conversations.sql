SELECT
  DATE(ended_at) AS day,
  COUNT(*) AS conversations,
  COUNTIF(success) AS successes,
  SUM(TIMESTAMP_DIFF(ended_at, started_at, MILLISECOND)) AS duration_ms
FROM ${dataset}.conversations
WHERE ended_at >= @since AND ended_at < @until
GROUP BY day
ORDER BY day
