SELECT
  DATE(time) AS day,
  SUM(prompt_tokens) AS prompt_tokens,
  SUM(completion_tokens) AS completion_tokens,
  SUM(cached_tokens) AS cached_tokens,
  SUM(cost_nanos) AS cost_nanos,
  COUNTIF(model_calls > 0 AND cost_nanos IS NULL) AS turns_without_cost,
  COUNTIF(JSON_VALUE(models_passed_over, '$[0]') IS NOT NULL) AS turns_passed_on
FROM ${dataset}.turns
WHERE time >= @since AND time < @until
GROUP BY day
ORDER BY day
