-- Transitions: what rules propose, and what was decided about it (insight/signoff_insight/transitions).

-- While it is off, no rule proposes or decides anything, and no proposal is approved. Each of these transactions reads
-- this row and keeps it from being changed until it is committed. One row.
CREATE TABLE transition_switch (
    only_row boolean PRIMARY KEY DEFAULT true,
    is_on boolean NOT NULL DEFAULT true,
    changed_by text,
    changed_at timestamptz,
    reason text,
    CONSTRAINT transition_switch_only_row CHECK (only_row),
    CONSTRAINT transition_switch_reason_length CHECK (char_length(reason) BETWEEN 1 AND 500),
    CONSTRAINT transition_switch_off_by_somebody CHECK (
        is_on OR (changed_by IS NOT NULL AND changed_at IS NOT NULL AND reason IS NOT NULL))
);

INSERT INTO transition_switch DEFAULT VALUES;

CREATE TRIGGER transition_switch_never_deleted BEFORE DELETE ON transition_switch
    FOR EACH ROW EXECUTE FUNCTION signoff_forbid_change();
CREATE TRIGGER transition_switch_never_truncated BEFORE TRUNCATE ON transition_switch
    FOR EACH STATEMENT EXECUTE FUNCTION signoff_forbid_change();

CREATE TABLE transition_runs (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at timestamptz,
    started_by text NOT NULL,
    data_until timestamptz,
    result jsonb NOT NULL DEFAULT '{}',
    message text
);

COMMENT ON TABLE transition_runs IS 'Each time that the rules were applied to all customers';
COMMENT ON COLUMN transition_runs.at IS 'The instant at which the customers were judged';
COMMENT ON COLUMN transition_runs.ended_at IS
    'Null while the rules in automatic mode decide, or if the run was interrupted then';
COMMENT ON COLUMN transition_runs.data_until IS 'When the latest event occurred that was known then';
COMMENT ON COLUMN transition_runs.result IS 'By rule: what was found, left out, proposed and decided';
COMMENT ON COLUMN transition_runs.message IS 'Why it ended early; null if it did not';

CREATE TABLE transition_proposals (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    number bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    rule text NOT NULL,
    version integer NOT NULL,
    user_id text NOT NULL,
    from_status text NOT NULL,
    to_status text NOT NULL,
    evidence_event uuid NOT NULL,
    rests_on uuid NOT NULL,
    evidence jsonb NOT NULL,
    reason text NOT NULL,
    evaluated_at timestamptz NOT NULL,
    proposed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    run bigint REFERENCES transition_runs,
    state text NOT NULL DEFAULT 'open',
    snoozed_until timestamptz,
    decided_by text,
    decided_at timestamptz,
    comment text,
    is_automatic boolean NOT NULL DEFAULT false,
    event_id uuid UNIQUE,
    event text,
    undo_event_id uuid UNIQUE,
    undo_event text,
    undone_by text,
    undone_at timestamptz,
    CONSTRAINT transition_proposals_once UNIQUE (rule, user_id, evidence_event),
    CONSTRAINT transition_proposals_state_known CHECK (
        state IN ('open', 'approved', 'rejected', 'outdated', 'undone')),
    CONSTRAINT transition_proposals_from_status_known CHECK (
        from_status IN ('PROSPECT', 'LEAD_QUALIFIED', 'CUSTOMER', 'CHURNED', 'LEAD_EXHAUSTED')),
    CONSTRAINT transition_proposals_to_status_known CHECK (
        to_status IN ('PROSPECT', 'LEAD_QUALIFIED', 'CUSTOMER', 'CHURNED', 'LEAD_EXHAUSTED')),
    CONSTRAINT transition_proposals_changes_status CHECK (from_status <> to_status),
    CONSTRAINT transition_proposals_never_automatic_to_customer CHECK (NOT is_automatic OR to_status <> 'CUSTOMER'),
    CONSTRAINT transition_proposals_texts_length CHECK (
        char_length(rule) BETWEEN 1 AND 100 AND char_length(user_id) BETWEEN 1 AND 200
        AND char_length(reason) BETWEEN 1 AND 500 AND char_length(comment) BETWEEN 1 AND 500
        AND char_length(decided_by) BETWEEN 1 AND 200 AND char_length(undone_by) BETWEEN 1 AND 200),
    -- An event may have 4,096 bytes; a decision adds who approved it.
    CONSTRAINT transition_proposals_evidence_size CHECK (
        jsonb_typeof(evidence) = 'object' AND octet_length(evidence::text) <= 3000),
    CONSTRAINT transition_proposals_snoozed_while_open CHECK (snoozed_until IS NULL OR state = 'open'),
    CONSTRAINT transition_proposals_decided CHECK (
        (state = 'open') = (decided_at IS NULL) AND (decided_at IS NULL) = (decided_by IS NULL)),
    CONSTRAINT transition_proposals_event CHECK (
        (state IN ('approved', 'undone')) = (event_id IS NOT NULL) AND (event_id IS NULL) = (event IS NULL)),
    CONSTRAINT transition_proposals_rejected_for_a_reason CHECK (state <> 'rejected' OR comment IS NOT NULL),
    CONSTRAINT transition_proposals_undone CHECK (
        (state = 'undone') = (undo_event_id IS NOT NULL) AND (undo_event_id IS NULL) = (undo_event IS NULL)
        AND (undo_event_id IS NULL) = (undone_by IS NULL) AND (undo_event_id IS NULL) = (undone_at IS NULL))
);

COMMENT ON TABLE transition_proposals IS 'Changes of customers'' statuses that rules proposed; kept for ever';
COMMENT ON COLUMN transition_proposals.number IS 'The order in which they were proposed';
COMMENT ON COLUMN transition_proposals.evidence_event IS
    'The customer''s last approval: a rule proposes a customer once for each';
COMMENT ON COLUMN transition_proposals.rests_on IS
    'The customer''s last event that the rule knew: a decision is void if another one stands between';
COMMENT ON COLUMN transition_proposals.evidence IS 'The numbers that the rule found';
COMMENT ON COLUMN transition_proposals.evaluated_at IS 'The instant at which the customer was judged';
COMMENT ON COLUMN transition_proposals.state IS
    'open, approved, rejected, outdated (the customer changed before it was decided), or undone after an approval';
COMMENT ON COLUMN transition_proposals.snoozed_until IS 'Until then it is not shown among those that wait';
COMMENT ON COLUMN transition_proposals.comment IS 'Why it was rejected, why it is outdated, or a note';
COMMENT ON COLUMN transition_proposals.is_automatic IS 'Whether the rule decided it itself';
COMMENT ON COLUMN transition_proposals.event IS 'The status decision as JSON, as it was put into the outbox';
COMMENT ON COLUMN transition_proposals.undo_event IS 'The status decision that takes it back, likewise';

CREATE INDEX transition_proposals_open ON transition_proposals (rule, user_id, id) WHERE state = 'open';
CREATE INDEX transition_proposals_by_state ON transition_proposals (state, number);
CREATE INDEX transition_proposals_of_rule ON transition_proposals (rule, state, number);
CREATE INDEX transition_proposals_of_user ON transition_proposals (user_id, number);

-- What was decided stays; an approval may be undone once. An outdated proposal may be made anew.
CREATE FUNCTION signoff_guard_proposal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state IN ('rejected', 'undone')
        OR (OLD.state = 'approved' AND (NEW.state <> 'undone'
            OR (NEW.event_id, NEW.event, NEW.decided_by, NEW.decided_at)
                IS DISTINCT FROM (OLD.event_id, OLD.event, OLD.decided_by, OLD.decided_at)))
        OR (NEW.id, NEW.rule, NEW.user_id, NEW.evidence_event)
            IS DISTINCT FROM (OLD.id, OLD.rule, OLD.user_id, OLD.evidence_event)
    THEN
        RAISE EXCEPTION 'a proposal that was decided does not change: % refused', TG_OP;
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER transition_proposals_guarded BEFORE UPDATE ON transition_proposals
    FOR EACH ROW EXECUTE FUNCTION signoff_guard_proposal();
CREATE TRIGGER transition_proposals_never_deleted BEFORE DELETE ON transition_proposals
    FOR EACH ROW EXECUTE FUNCTION signoff_forbid_change();
CREATE TRIGGER transition_proposals_never_truncated BEFORE TRUNCATE ON transition_proposals
    FOR EACH STATEMENT EXECUTE FUNCTION signoff_forbid_change();

-- The customer's last event that has an effect: an approval, or a decision that is not void. Events in detached
-- partitions do not count. Null if there is none.
CREATE FUNCTION signoff_last_event(customer text) RETURNS signoff_position LANGUAGE plpgsql STABLE
SET enable_seqscan = off SET jit = off AS $$
BEGIN
    RETURN (
        SELECT (occurred_at, event_id)::signoff_position
        FROM (
            SELECT review_completed_at AS occurred_at, last_event_id AS event_id
            FROM interactions WHERE user_id = customer AND last_event_id IS NOT NULL
            UNION ALL
            (SELECT occurred_at, event_id
            FROM status_decisions WHERE user_id = customer AND NOT void
            ORDER BY occurred_at DESC, event_id DESC
            LIMIT 1)
        ) AS each
        ORDER BY occurred_at DESC, event_id DESC
        LIMIT 1);
END
$$;

-- When a customer came back after an event: the first approval after it that made the customer CUSTOMER, or the first
-- purchase, which is an amount after which its interaction's status is CUSTOMER. Null if there is none.
CREATE FUNCTION signoff_came_back_at(customer text, after_at timestamptz, after_event uuid) RETURNS timestamptz
LANGUAGE plpgsql STABLE SET enable_seqscan = off SET jit = off AS $$
BEGIN
    RETURN (
        SELECT min(a.occurred_at)
        FROM (
            SELECT id, opening_customer_status
            FROM interactions
            WHERE user_id = customer AND (review_completed_at, last_event_id) > (after_at, after_event)
            OFFSET 0
        ) AS own
        CROSS JOIN LATERAL (
            SELECT occurred_at, event_id, customer_status, ltv_amount
            FROM approvals
            WHERE interaction_id = own.id AND (occurred_at, event_id) > (after_at, after_event)
                AND (customer_status = 'CUSTOMER' OR ltv_amount IS NOT NULL)
            OFFSET 0
        ) AS a
        WHERE a.customer_status = 'CUSTOMER'
            OR coalesce((
                SELECT given.customer_status
                FROM approvals given
                WHERE given.interaction_id = own.id AND given.customer_status IS NOT NULL
                    AND (given.occurred_at, given.event_id) <= (a.occurred_at, a.event_id)
                ORDER BY given.occurred_at DESC, given.event_id DESC
                LIMIT 1), own.opening_customer_status) = 'CUSTOMER');
END
$$;

-- Why a customer's status must not be changed now by a rule that knew the customer with this last event and this status;
-- null if nothing is in the way. `besides` is the proposal that is asked about, if there is one already. This is the only
-- place of the rule: lists, previews, approvals and runs all call it. Whoever decides holds the customer's row before.
--
-- The customer has changed: newer_event, other_status, other_decision (of another proposal, which is on its way).
-- It is not silent, and has not changed yet: dead_letter, review.
-- ahead: its last event occurred in the future, by a wrong clock; a decision of now would be void.
CREATE FUNCTION signoff_transition_obstacle(
    customer text, known uuid, status text, besides uuid, OUT obstacle text, OUT event uuid, OUT at timestamptz
) LANGUAGE plpgsql STABLE SET enable_seqscan = off SET jit = off AS $$
DECLARE
    last CONSTANT signoff_position := signoff_last_event(customer);
    held CONSTANT text := (SELECT customer_status FROM customers WHERE user_id = customer);
BEGIN
    event := last.event_id;
    at := last.occurred_at;
    IF last.event_id IS DISTINCT FROM known THEN
        obstacle := 'newer_event';
        RETURN;
    END IF;
    IF held IS DISTINCT FROM status THEN
        obstacle := 'other_status';
        RETURN;
    END IF;
    SELECT p.event_id, p.decided_at INTO event, at
    FROM transition_proposals p
    CROSS JOIN LATERAL (VALUES (p.event_id), (p.undo_event_id)) AS made(event_id)
    WHERE p.user_id = customer AND p.id IS DISTINCT FROM besides AND p.state IN ('approved', 'undone')
        AND made.event_id IS NOT NULL
        AND NOT EXISTS (SELECT FROM status_decisions d WHERE d.event_id = made.event_id)
        AND NOT EXISTS (
            SELECT FROM dead_letters l WHERE l.event_id = made.event_id AND l.state = 'discarded')
    LIMIT 1;
    IF FOUND THEN
        obstacle := 'other_decision';
        RETURN;
    END IF;
    SELECT l.event_id, l.last_failed_at INTO event, at
    FROM dead_letters l
    WHERE l.state = 'dead' AND l.user_id = customer
    LIMIT 1;
    IF NOT FOUND THEN
        SELECT l.event_id, l.last_failed_at INTO event, at
        FROM interactions i
        JOIN dead_letters l ON l.interaction_id = i.id AND l.state = 'dead'
        WHERE i.user_id = customer
        LIMIT 1;
    END IF;
    IF FOUND THEN
        obstacle := 'dead_letter';
        RETURN;
    END IF;
    SELECT r.interaction_id, r.received_at INTO event, at
    FROM reviews r
    WHERE r.user_id = customer AND (
        r.state = 'pending' AND r.received_at > coalesce((
            SELECT max(i.review_completed_at) FROM interactions i
            WHERE i.user_id = customer AND i.last_event_id IS NOT NULL), '-infinity')
        -- It is answered, and the answer is on its way.
        OR r.state = 'approved' AND NOT EXISTS (SELECT FROM approvals a WHERE a.event_id = r.event_id))
    LIMIT 1;
    IF FOUND THEN
        obstacle := 'review';
        RETURN;
    END IF;
    event := last.event_id;
    at := last.occurred_at;
    IF last.occurred_at >= clock_timestamp() THEN
        obstacle := 'ahead';
    END IF;
END
$$;

-- What became of a status decision, as of now. It is looked for in the outbox first and in the ledger last: so one that
-- moves on meanwhile is found further on, never nowhere.
CREATE FUNCTION signoff_decision_now(decision uuid, customer text, OUT effect text, OUT because text)
LANGUAGE plpgsql AS $$
DECLARE
    letter record;
    held record;
BEGIN
    SELECT CASE WHEN o.refused IS NULL THEN 'waiting' ELSE 'refused' END,
        coalesce(o.refused, CASE WHEN o.published_at IS NULL THEN 'it is in the outbox' END)
    INTO effect, because
    FROM signoff_outbox_look(ARRAY[decision]) AS o;
    effect := coalesce(effect, 'waiting');
    because := coalesce(because, 'it is on the queue');
    SELECT l.id, l.state, l.kind, left(l.message, 400) AS message INTO letter
    FROM dead_letters l WHERE l.event_id = decision ORDER BY l.id DESC LIMIT 1;
    IF letter.state IN ('dead', 'discarded') THEN
        effect := 'dead_letter';
        because := format('dead letter %s%s, %s: %s', letter.id,
            CASE letter.state WHEN 'discarded' THEN ', discarded' ELSE '' END, letter.kind, letter.message);
    END IF;
    SELECT d.void, (d.occurred_at, d.event_id) < (c.status_occurred_at, c.status_event_id) AS is_superseded INTO held
    FROM status_decisions d
    LEFT JOIN customers c ON c.user_id = d.user_id
    WHERE d.event_id = decision AND d.user_id = customer;
    IF held.void IS NOT NULL THEN
        effect := CASE WHEN held.void THEN 'void' WHEN held.is_superseded THEN 'superseded' ELSE 'applied' END;
        because := NULL;
    END IF;
END
$$;

-- When the customer of a proposal came back, though its decision to give the customer up had effect; null if not.
CREATE FUNCTION signoff_reactivated_at(p transition_proposals) RETURNS timestamptz LANGUAGE plpgsql STABLE AS $$
DECLARE
    decided_at timestamptz;
    back_at timestamptz;
BEGIN
    IF p.event_id IS NULL OR p.to_status NOT IN ('CHURNED', 'LEAD_EXHAUSTED') THEN
        RETURN NULL;
    END IF;
    SELECT d.occurred_at INTO decided_at FROM status_decisions d WHERE d.event_id = p.event_id AND NOT d.void;
    back_at := signoff_came_back_at(p.user_id, decided_at, p.event_id);
    RETURN CASE WHEN back_at < coalesce(p.undone_at, 'infinity') THEN back_at END;
END
$$;

ALTER TABLE operator_actions DROP CONSTRAINT operator_actions_action_known;
ALTER TABLE operator_actions ADD CONSTRAINT operator_actions_action_known CHECK (action IN (
    'replay', 'edit', 'discard', 'prune', 'cancel_operation',
    'add_user', 'set_roles', 'disable_user', 'enable_user', 'set_password', 'make_link', 'end_session',
    'add_key', 'revoke_key',
    'reassign',
    'add_webhook', 'rotate_webhook', 'disable_webhook', 'enable_webhook', 'remove_webhook', 'replay_webhook',
    'pause_queue', 'resume_queue', 'requeue_outbox', 'dead_letter_outbox', 'start_audit',
    'run_transitions', 'approve_proposals', 'reject_proposals', 'snooze_proposals', 'undo_proposals',
    'stop_transitions', 'resume_transitions'));

-- Readers that keep something of each customer show open proposals.
CREATE FUNCTION signoff_touch_proposed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM signoff_touch_customers(ARRAY[NEW.user_id]);
    RETURN NULL;
END
$$;

CREATE TRIGGER transition_proposals_touch AFTER INSERT ON transition_proposals
    FOR EACH ROW EXECUTE FUNCTION signoff_touch_proposed();
CREATE TRIGGER transition_proposals_touch_updated
    AFTER UPDATE OF state, snoozed_until, proposed_at ON transition_proposals
    FOR EACH ROW WHEN (
        (OLD.state, OLD.snoozed_until, OLD.proposed_at) IS DISTINCT FROM (NEW.state, NEW.snoozed_until, NEW.proposed_at))
    EXECUTE FUNCTION signoff_touch_proposed();

-- It runs with the rights of whoever migrated; see 0010.definer_rights.sql.
DO $$
BEGIN
    REVOKE EXECUTE ON FUNCTION signoff_touch_proposed() FROM PUBLIC;
    EXECUTE format('ALTER FUNCTION signoff_touch_proposed() SET search_path TO %I, pg_temp', current_schema());
END
$$;
