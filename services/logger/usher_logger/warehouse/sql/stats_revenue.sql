SELECT DATE(time) AS day, currency, SUM(amount_minor) AS amount_minor
FROM ${dataset}.order_changes
WHERE time >= @since AND time < @until
GROUP BY day, currency
ORDER BY day, currency
