-- a customer's latest word on a message
SELECT
  id,
  time,
  JSON_VALUE(data, '$.conversation_id') AS conversation_id,
  JSON_VALUE(data, '$.message_id') AS message_id,
  JSON_VALUE(data, '$.customer_id') AS customer_id,
  SAFE_CAST(JSON_VALUE(data, '$.rating') AS INT64) AS rating,
  JSON_VALUE(data, '$.comment') AS comment
FROM ${dataset}.events
WHERE type = 'usher.feedback_received.v1'
QUALIFY ROW_NUMBER() OVER (
  PARTITION BY JSON_VALUE(data, '$.conversation_id'), JSON_VALUE(data, '$.message_id'), JSON_VALUE(data, '$.customer_id')
  ORDER BY time DESC, id DESC
) = 1
