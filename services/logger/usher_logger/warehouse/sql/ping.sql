SELECT COUNT(*) AS events FROM events WHERE id = ''
