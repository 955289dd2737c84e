-- What is in the way of proposing customers (`users` text[]) whose last events (`known` uuid[]) and statuses
-- (`statuses` text[]) the rules (`rules` text[]) know; a row for each where something is.
SELECT picked.rule, picked.user_id, found.obstacle
FROM unnest(%(rules)s::text[], %(users)s::text[], %(known)s::uuid[], %(statuses)s::text[])
    AS picked (rule, user_id, known, status)
CROSS JOIN LATERAL signoff_transition_obstacle(picked.user_id, picked.known, picked.status, NULL) AS found
WHERE found.obstacle IS NOT NULL
