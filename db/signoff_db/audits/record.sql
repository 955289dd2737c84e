-- Keep the result of an audit that was run elsewhere, such as by a command.
INSERT INTO audits (requested_by, requested_at, state, started_at, ended_at, clean, report)
VALUES (%(actor)s, %(started_at)s, 'done', %(started_at)s, clock_timestamp(), %(clean)s, %(report)s::jsonb)
