-- A decision says when its review came in: a draft that is posted again begins to wait anew, and the review forgets when
-- the one before came. Of decisions about such a draft of before that time is not known.
ALTER TABLE review_decisions ADD COLUMN received_at timestamptz;

COMMENT ON COLUMN review_decisions.received_at IS
    'When the review that was decided came in; null where a release that did not keep it decided';

ALTER TABLE review_decisions DISABLE TRIGGER review_decisions_only_undone;
UPDATE review_decisions d SET received_at = r.received_at
FROM reviews r
WHERE r.interaction_id = d.interaction_id AND r.received_at <= d.decided_at;
ALTER TABLE review_decisions ENABLE TRIGGER review_decisions_only_undone;

-- The desk's figures count decisions by day: they read this index alone.
CREATE INDEX review_decisions_counted ON review_decisions (decided_at)
    INCLUDE (decision, reviewer, received_at, opened_at, final_at) WHERE undone_at IS NULL;
DROP INDEX review_decisions_by_time;
