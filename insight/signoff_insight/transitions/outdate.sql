-- Note why proposals (`ids` uuid[], `comments` text[]) are outdated.
UPDATE transition_proposals p SET
    state = 'outdated', snoozed_until = NULL, decided_by = %(actor)s, decided_at = clock_timestamp(),
    comment = found.comment
FROM unnest(%(ids)s::uuid[], %(comments)s::text[]) AS found (id, comment)
WHERE p.id = found.id AND p.state = 'open'
