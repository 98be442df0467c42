SELECT COUNTIF(rating > 0) AS positive, COUNTIF(rating < 0) AS negative
FROM feedback
WHERE time >= @since AND time < @until
