SELECT DATE(time) AS day, type, COUNT(*) AS events
FROM ${dataset}.events
WHERE time >= @since AND time < @until
GROUP BY day, type
ORDER BY day, type
