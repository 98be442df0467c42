SELECT *
FROM ${dataset}.orders
WHERE (@order_id IS NULL OR order_id = @order_id) AND (@conversation_id IS NULL OR conversation_id = @conversation_id)
ORDER BY last_changed_at DESC, order_id
LIMIT @limit
