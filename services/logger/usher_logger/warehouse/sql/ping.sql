SELECT COUNT(*) AS events FROM ${dataset}.events WHERE id = ''
