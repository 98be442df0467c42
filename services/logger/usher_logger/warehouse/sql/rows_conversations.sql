SELECT *
FROM ${dataset}.conversations
WHERE @conversation_id IS NULL OR conversation_id = @conversation_id
ORDER BY ended_at DESC, conversation_id
LIMIT @limit
