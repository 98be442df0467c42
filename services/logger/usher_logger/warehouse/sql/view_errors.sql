SELECT
  id,
  time,
  JSON_VALUE(data, '$.service') AS service,
  JSON_VALUE(data, '$.code') AS code,
  JSON_VALUE(data, '$.detail') AS detail,
  JSON_VALUE(data, '$.request_id') AS request_id,
  JSON_VALUE(data, '$.conversation_id') AS conversation_id,
  JSON_VALUE(data, '$.order_id') AS order_id
FROM ${dataset}.events
WHERE type = 'usher.error_occurred.v1'
