-- completed conversations
SELECT
  JSON_VALUE(data, '$.conversation_id') AS conversation_id,
  JSON_VALUE(data, '$.customer_id') AS customer_id,
  JSON_VALUE(data, '$.client_id') AS client_id,
  SAFE_CAST(JSON_VALUE(data, '$.started_at') AS TIMESTAMP) AS started_at,
  SAFE_CAST(JSON_VALUE(data, '$.ended_at') AS TIMESTAMP) AS ended_at,
  JSON_VALUE(data, '$.reason') AS reason,
  JSON_VALUE(data, '$.outcome') AS outcome,
  SAFE_CAST(JSON_VALUE(data, '$.success') AS BOOL) AS success,
  SAFE_CAST(JSON_VALUE(data, '$.turns') AS INT64) AS turns,
  SAFE_CAST(JSON_VALUE(data, '$.tool_calls') AS INT64) AS tool_calls,
  data['order_ids'] AS order_ids,
  JSON_VALUE(data, '$.model_name') AS model_name,
  JSON_VALUE(data, '$.model_version') AS model_version,
  JSON_VALUE(data, '$.variant') AS variant
FROM ${dataset}.events
WHERE type = 'usher.conversation_completed.v1'
QUALIFY ROW_NUMBER() OVER (PARTITION BY JSON_VALUE(data, '$.conversation_id') ORDER BY time DESC, id DESC) = 1
