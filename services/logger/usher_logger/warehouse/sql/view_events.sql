-- an event that was delivered twice is there twice, equal but for received_at: one filter on type or time prunes both
SELECT id, type, source, time, subject, data, received_at
FROM ${dataset}.event_log
WHERE TRUE
QUALIFY ROW_NUMBER() OVER (PARTITION BY id, type, time ORDER BY received_at) = 1
