SELECT *
FROM ${dataset}.errors
WHERE (@order_id IS NULL OR order_id = @order_id) AND (@conversation_id IS NULL OR conversation_id = @conversation_id)
ORDER BY time DESC, id
LIMIT @limit
