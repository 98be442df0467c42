-- one row per turn of a conversation
SELECT
  JSON_VALUE(data, '$.conversation_id') AS conversation_id,
  JSON_VALUE(data, '$.message_id') AS message_id,
  JSON_VALUE(data, '$.customer_id') AS customer_id,
  JSON_VALUE(data, '$.client_id') AS client_id,
  time,
  SAFE_CAST(JSON_VALUE(data, '$.turn') AS INT64) AS turn,
  JSON_VALUE(data, '$.agent') AS agent,
  JSON_VALUE(data, '$.status') AS status,
  SAFE_CAST(JSON_VALUE(data, '$.duration_ms') AS FLOAT64) AS duration_ms,
  SAFE_CAST(JSON_VALUE(data, '$.model_calls') AS INT64) AS model_calls,
  data['tool_calls'] AS tool_calls,
  SAFE_CAST(JSON_VALUE(data, '$.prompt_tokens') AS INT64) AS prompt_tokens,
  SAFE_CAST(JSON_VALUE(data, '$.completion_tokens') AS INT64) AS completion_tokens,
  JSON_VALUE(data, '$.model_name') AS model_name,
  JSON_VALUE(data, '$.model_version') AS model_version,
  JSON_VALUE(data, '$.variant') AS variant,
  JSON_VALUE(data, '$.error_code') AS error_code,
  SAFE_CAST(JSON_VALUE(data, '$.cached_tokens') AS INT64) AS cached_tokens,
  SAFE_CAST(JSON_VALUE(data, '$.cost_nanos') AS INT64) AS cost_nanos,
  data['models_passed_over'] AS models_passed_over,
  SAFE_CAST(JSON_VALUE(data, '$.remembered_calls') AS INT64) AS remembered_calls
FROM ${dataset}.events
WHERE type = 'usher.chat_turn_completed.v1'
QUALIFY ROW_NUMBER() OVER (
  PARTITION BY JSON_VALUE(data, '$.conversation_id'), JSON_VALUE(data, '$.message_id')
  ORDER BY time DESC, id DESC
) = 1
