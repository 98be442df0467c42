-- one row per order event; `amount_minor` is what the change moved, `step` breaks ties of equal times
SELECT
  id,
  time,
  type,
  JSON_VALUE(data, '$.order_id') AS order_id,
  JSON_VALUE(data, '$.customer_id') AS customer_id,
  JSON_VALUE(data, '$.client_id') AS client_id,
  JSON_VALUE(data, '$.conversation_id') AS conversation_id,
  JSON_VALUE(data, '$.event_id') AS event_id,
  JSON_VALUE(data, '$.event_name') AS event_name,
  SAFE_CAST(JSON_VALUE(data, '$.starts_at') AS TIMESTAMP) AS starts_at,
  JSON_VALUE(data, '$.currency') AS currency,
  SAFE_CAST(JSON_VALUE(data, '$.total_minor') AS INT64) AS total_minor,
  ARRAY_LENGTH(JSON_QUERY_ARRAY(data, '$.seats')) AS seat_count,
  data['seats'] AS seats,
  CASE type
    WHEN 'usher.ticket_purchased.v1' THEN SAFE_CAST(JSON_VALUE(data, '$.total_minor') AS INT64)
    WHEN 'usher.ticket_upgraded.v1' THEN SAFE_CAST(JSON_VALUE(data, '$.price_delta_minor') AS INT64)
    ELSE -SAFE_CAST(JSON_VALUE(data, '$.refunded_minor') AS INT64)
  END AS amount_minor,
  COALESCE(JSON_VALUE(data, '$.kind'), 'refund') AS return_kind,
  CASE type
    WHEN 'usher.ticket_purchased.v1' THEN 1
    WHEN 'usher.ticket_upgraded.v1' THEN 2
    ELSE 3
  END AS step
FROM ${dataset}.events
WHERE type IN ('usher.ticket_purchased.v1', 'usher.ticket_upgraded.v1', 'usher.ticket_refunded.v1')
