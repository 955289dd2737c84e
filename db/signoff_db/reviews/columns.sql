-- A review `r` with what was decided, as `signoff_db.reviews.Review` has it. A claim whose lease has ended is none.
r.interaction_id, r.user_id, r.customer_message, r.draft_bubbles, r.context, r.priority, r.received_at,
r.expires_at, r.state,
CASE WHEN r.claimed_until > clock_timestamp() THEN r.claimed_by END AS claimed_by,
CASE WHEN r.claimed_until > clock_timestamp() THEN r.claimed_until END AS claimed_until,
r.decided_by, r.decided_at, r.opened_at, r.event_id, r.reject_reason, r.posted_by, r.revision, r.undo_until,
r.state <> 'pending' AND (r.undo_until IS NULL OR r.undo_until <= clock_timestamp()) AS final,
(SELECT d.event FROM review_decisions d WHERE d.event_id = r.event_id) AS event
