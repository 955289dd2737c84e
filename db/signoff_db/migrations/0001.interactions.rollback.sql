-- The table may have been there before Signoff, so it stays, with the columns that people query.
DROP INDEX IF EXISTS interactions_of_user;

DROP FUNCTION signoff_known_status(text);

ALTER TABLE interactions
    DROP CONSTRAINT interactions_customer_status_known,
    DROP CONSTRAINT interactions_quality_score_range,
    DROP CONSTRAINT interactions_edit_tags_known,
    DROP COLUMN last_event_id,
    DROP COLUMN status_occurred_at,
    DROP COLUMN status_event_id,
    DROP COLUMN opening_customer_status,
    DROP COLUMN opening_ltv_usd;
