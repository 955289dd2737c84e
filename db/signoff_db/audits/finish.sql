-- Note how an audit ended.
UPDATE audits SET state = %(state)s, ended_at = clock_timestamp(), clean = %(clean)s, report = %(report)s::jsonb,
    message = %(message)s
WHERE id = %(id)s AND state = 'running'
