-- Fix the letters of an operation: those that are chosen and dead, the oldest `limit` of them.
--
-- Letters that may have an effect on each other are a group: those of one customer, else of one interaction, and
-- those with the same event_id. A group is named by its oldest letter. Groups are joined twice over, since two
-- customers may share an event_id, or claim one interaction; longer chains of such conflicts stay apart. Hashes are
-- sorted faster than texts; two texts with one hash only make a group larger.
WITH
chosen AS (
    SELECT id, event_id, user_id, interaction_id FROM dead_letters
    WHERE state = 'dead' AND {chosen}
    ORDER BY id
    LIMIT %(limit)s::bigint
),
owned AS (
    SELECT c.id,
        hashtextextended(coalesce(c.event_id::text, 'letter ' || c.id), 0) AS event,
        hashtextextended(
            CASE WHEN c.interaction_id IS NULL THEN coalesce('user ' || c.user_id, 'letter ' || c.id)
            ELSE coalesce(
                'user ' || coalesce(i.user_id, max(c.user_id) OVER (PARTITION BY c.interaction_id)),
                c.interaction_id::text)
            END, 0) AS subject
    FROM chosen c
    LEFT JOIN LATERAL (SELECT user_id FROM interactions WHERE id = c.interaction_id OFFSET 0) AS i ON true
),
by_subject AS (SELECT *, min(id) OVER (PARTITION BY subject) AS one FROM owned),
by_event AS (SELECT *, min(one) OVER (PARTITION BY event) AS two FROM by_subject),
by_subject_again AS (SELECT *, min(two) OVER (PARTITION BY subject) AS three FROM by_event),
by_event_again AS (SELECT *, min(three) OVER (PARTITION BY event) AS four FROM by_subject_again),
grouped AS (SELECT id, min(four) OVER (PARTITION BY subject) AS group_id FROM by_event_again)
INSERT INTO operation_letters (operation_id, place, letter_id, group_id)
SELECT %(operation)s, row_number() OVER (ORDER BY group_id, id), id, group_id FROM grouped
