SELECT *
FROM ${dataset}.turns
WHERE @conversation_id IS NULL OR conversation_id = @conversation_id
ORDER BY time DESC, message_id
LIMIT @limit
