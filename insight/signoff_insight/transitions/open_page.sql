-- The next open proposals behind the number `after`, with what is in the way of each because its customer has changed.
SELECT p.id, p.number, p.rule, p.user_id, found.obstacle, found.event AS obstacle_event, found.at AS obstacle_at
FROM (
    SELECT * FROM transition_proposals WHERE state = 'open' AND number > %(after)s ORDER BY number LIMIT %(limit)s
) AS p
CROSS JOIN LATERAL signoff_transition_obstacle(p.user_id, p.rests_on, p.from_status, p.id) AS found
ORDER BY p.number
