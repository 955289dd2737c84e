-- Nobody asks for the last events.
latest AS (
    SELECT NULL COLLATE "C" AS user_id, NULL::uuid AS rests_on, NULL::uuid AS evidence_event WHERE false
)
