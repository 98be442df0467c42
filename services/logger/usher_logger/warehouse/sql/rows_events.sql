SELECT *
FROM ${dataset}.events
WHERE (@order_id IS NULL OR JSON_VALUE(data, '$.order_id') = @order_id)
  AND (@conversation_id IS NULL OR JSON_VALUE(data, '$.conversation_id') = @conversation_id)
ORDER BY time DESC, id
LIMIT @limit
