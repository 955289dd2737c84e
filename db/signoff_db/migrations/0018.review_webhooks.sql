-- Webhooks of rejected reviews, and the record of what is done to webhooks.

-- Each rejection is told by the transaction that decides it. The message is sent once the decision is final; if it
-- is undone before that, the message is taken back.
CREATE FUNCTION signoff_tell_rejection() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    -- An undo that began in time may commit a little later.
    grace CONSTANT interval := interval '1 second';
    written_as CONSTANT text := 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"';
    decided_at text;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        DELETE FROM webhook_deliveries
        WHERE cause_id = NEW.id AND kind = 'review.rejected' AND state = 'pending';
        RETURN NULL;
    END IF;
    decided_at := to_char(NEW.decided_at AT TIME ZONE 'UTC', written_as);
    INSERT INTO webhook_deliveries (webhook_id, kind, cause_id, next_attempt_at, body)
    SELECT id, 'review.rejected', NEW.id, NEW.final_at + grace, json_build_object(
        'type', 'review.rejected',
        'timestamp', decided_at,
        'data', json_build_object(
            'decision_id', NEW.id,
            'interaction_id', NEW.interaction_id,
            'user_id', NEW.user_id,
            'reviewer', NEW.reviewer,
            'decided_at', decided_at,
            'reason', NEW.reject_reason))
    FROM webhooks
    WHERE 'review.rejected' = ANY(kinds) AND disabled_at IS NULL;
    RETURN NULL;
END
$$;

CREATE TRIGGER review_decisions_tell_rejection AFTER INSERT ON review_decisions
    FOR EACH ROW WHEN (NEW.decision = 'rejected') EXECUTE FUNCTION signoff_tell_rejection();
CREATE TRIGGER review_decisions_take_rejection_back AFTER UPDATE OF undone_at ON review_decisions
    FOR EACH ROW WHEN (NEW.decision = 'rejected' AND NEW.undone_at IS NOT NULL)
    EXECUTE FUNCTION signoff_tell_rejection();

-- To find the message of an undone decision.
CREATE INDEX webhook_deliveries_of_rejection ON webhook_deliveries (cause_id)
    WHERE kind = 'review.rejected' AND state = 'pending';

-- It runs with the rights of whoever migrated; see 0010.definer_rights.sql.
REVOKE EXECUTE ON FUNCTION signoff_tell_rejection() FROM PUBLIC;
DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION signoff_tell_rejection() SET search_path TO %I, pg_temp', current_schema());
END
$$;

ALTER TABLE operator_actions DROP CONSTRAINT operator_actions_action_known;
ALTER TABLE operator_actions ADD CONSTRAINT operator_actions_action_known CHECK (action IN (
    'replay', 'edit', 'discard', 'prune',
    'add_user', 'set_roles', 'disable_user', 'enable_user', 'set_password', 'make_link', 'end_session',
    'add_key', 'revoke_key',
    'reassign',
    'add_webhook', 'rotate_webhook', 'disable_webhook', 'enable_webhook', 'remove_webhook', 'replay_webhook'));
