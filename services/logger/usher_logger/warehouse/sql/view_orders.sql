-- the latest state of each order, by the events' own time: the order of delivery does not matter
SELECT
  order_id,
  customer_id,
  client_id,
  conversation_id,
  event_id,
  event_name,
  starts_at,
  currency,
  total_minor,
  seat_count,
  seats,
  CASE
    WHEN step = 1 THEN 'confirmed'
    WHEN step = 2 THEN 'upgraded'
    WHEN return_kind = 'exchange' THEN CASE WHEN seat_count > 0 THEN 'partially_exchanged' ELSE 'exchanged' END
    WHEN return_kind = 'credit' THEN CASE WHEN seat_count > 0 THEN 'partially_credited' ELSE 'credited' END
    WHEN seat_count > 0 THEN 'partially_refunded'
    ELSE 'refunded'
  END AS status,
  SUM(amount_minor) OVER (PARTITION BY order_id) AS revenue_minor,
  COUNT(*) OVER (PARTITION BY order_id) AS changes,
  MIN(time) OVER (PARTITION BY order_id) AS first_changed_at,
  time AS last_changed_at
FROM ${dataset}.order_changes
WHERE TRUE
QUALIFY ROW_NUMBER() OVER (PARTITION BY order_id ORDER BY time DESC, step DESC, id DESC) = 1
