SELECT COUNTIF(rating > 0) AS positive, COUNTIF(rating < 0) AS negative
FROM ${dataset}.feedback
WHERE time >= @since AND time < @until
