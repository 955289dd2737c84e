-- The reviews: replies that wait for a reviewer, and what reviewers decided (reviews/reading.py).

-- The order of the queue, in one place: lower comes first. Waiting counts without bound and priority for at most
-- four hours, so nothing waits for ever: a review is overtaken only by those that came in within four hours
-- after it. The value does not change while time goes by, so an index holds the order.
--
-- IMMUTABLE: an interval without days is the same in every time zone.
CREATE FUNCTION signoff_review_rank(received_at timestamptz, priority real) RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT received_at - priority * interval '4 hours'
$$;

CREATE FUNCTION signoff_bubbles_fit(bubbles text[], most integer, longest integer) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT cardinality(bubbles) BETWEEN 1 AND most AND array_ndims(bubbles) = 1 AND NOT EXISTS (
        SELECT FROM unnest(bubbles) AS bubble
        WHERE bubble IS NULL OR char_length(bubble) NOT BETWEEN 1 AND longest)
$$;

CREATE TABLE reviews (
    interaction_id uuid PRIMARY KEY,
    user_id text NOT NULL,
    customer_message text,
    draft_bubbles text[],
    context jsonb,
    priority real NOT NULL DEFAULT 0,
    received_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    state text NOT NULL DEFAULT 'pending',
    claimed_by text,
    claimed_until timestamptz,
    decided_by text,
    decided_at timestamptz,
    opened_at timestamptz,
    event_id uuid,
    reject_reason text,
    -- For the desk alone.
    posted_by text,
    revision integer NOT NULL DEFAULT 1,
    undo_until timestamptz,
    rank timestamptz NOT NULL GENERATED ALWAYS AS (signoff_review_rank(received_at, priority)) STORED,
    CONSTRAINT reviews_user_id_length CHECK (char_length(user_id) BETWEEN 1 AND 200),
    CONSTRAINT reviews_customer_message_length CHECK (char_length(customer_message) <= 10000),
    CONSTRAINT reviews_draft_bubbles_size CHECK (signoff_bubbles_fit(draft_bubbles, 20, 4000)),
    -- Twice what a post may have: Postgres writes JSON with blanks.
    CONSTRAINT reviews_context_size CHECK (
        jsonb_typeof(context) = 'object' AND octet_length(context::text) <= 32768),
    CONSTRAINT reviews_priority_range CHECK (priority BETWEEN 0 AND 1),
    -- No time that programs cannot hold, such as infinity.
    CONSTRAINT reviews_times_range CHECK (
        received_at BETWEEN '2000-01-01 00:00+00' AND '9000-01-01 00:00+00'
        AND expires_at BETWEEN '2000-01-01 00:00+00' AND '9000-01-01 00:00+00'
        AND claimed_until BETWEEN '2000-01-01 00:00+00' AND '9000-01-01 00:00+00'
        AND opened_at BETWEEN '2000-01-01 00:00+00' AND '9000-01-01 00:00+00'
        AND decided_at BETWEEN '2000-01-01 00:00+00' AND '9000-01-01 00:00+00'
        AND undo_until BETWEEN '2000-01-01 00:00+00' AND '9000-01-01 00:00+00'),
    CONSTRAINT reviews_state_known CHECK (state IN ('pending', 'approved', 'rejected', 'expired')),
    CONSTRAINT reviews_claimed_while_pending CHECK (claimed_by IS NULL OR state = 'pending'),
    CONSTRAINT reviews_claimed_until CHECK ((claimed_by IS NULL) = (claimed_until IS NULL)),
    CONSTRAINT reviews_decided_at CHECK ((state = 'pending') = (decided_at IS NULL)),
    CONSTRAINT reviews_decided_by CHECK ((state IN ('approved', 'rejected')) = (decided_by IS NOT NULL)),
    CONSTRAINT reviews_event_of_approved CHECK ((state = 'approved') = (event_id IS NOT NULL)),
    CONSTRAINT reviews_reason_of_rejected CHECK ((state = 'rejected') = (reject_reason IS NOT NULL)),
    CONSTRAINT reviews_names_length CHECK (
        char_length(claimed_by) BETWEEN 1 AND 200 AND char_length(decided_by) BETWEEN 1 AND 200),
    CONSTRAINT reviews_reject_reason_length CHECK (char_length(reject_reason) BETWEEN 1 AND 500)
);

COMMENT ON TABLE reviews IS
    'Replies that wait for a reviewer; an upstream posts them, or inserts interaction_id, user_id and a draft';
COMMENT ON COLUMN reviews.customer_message IS 'What the reply answers, at most 10,000 characters';
COMMENT ON COLUMN reviews.draft_bubbles IS 'The proposed reply: at most 20 messages, each at most 4,000 characters';
COMMENT ON COLUMN reviews.context IS 'What the upstream wants the reviewer to see, a JSON object of at most 16 KiB';
COMMENT ON COLUMN reviews.priority IS 'From 0 to 1; 1 is worth four hours of waiting';
COMMENT ON COLUMN reviews.expires_at IS 'From then on a review that nobody holds is not answered any more';
COMMENT ON COLUMN reviews.claimed_by IS 'The reviewer who holds it until claimed_until; after that it is free again';
COMMENT ON COLUMN reviews.opened_at IS 'When the reviewer who holds or decided it opened it';
COMMENT ON COLUMN reviews.event_id IS 'The approval event of an approved review';
COMMENT ON COLUMN reviews.posted_by IS 'Who posted the draft; null if it was inserted in SQL';
COMMENT ON COLUMN reviews.revision IS 'Grows with each new draft and each undo: who decides says which one they saw';
COMMENT ON COLUMN reviews.undo_until IS 'Until then the decision can be undone; it is final afterwards';
COMMENT ON COLUMN reviews.rank IS 'The place in the queue, the lowest first: received_at minus priority times 4 hours';

CREATE INDEX reviews_waiting ON reviews (rank, interaction_id) WHERE state = 'pending';
CREATE INDEX reviews_claimed ON reviews (claimed_by) WHERE claimed_by IS NOT NULL;
CREATE INDEX reviews_expiring ON reviews (expires_at) WHERE state = 'pending' AND expires_at IS NOT NULL;
CREATE INDEX reviews_decided ON reviews (state, decided_at, interaction_id) WHERE state <> 'pending';
CREATE INDEX reviews_of_user ON reviews (user_id, received_at);
CREATE UNIQUE INDEX reviews_of_event ON reviews (event_id) WHERE event_id IS NOT NULL;

-- Whoever changes a draft, in SQL too: a reviewer who saw another one is told.
CREATE FUNCTION signoff_count_revision() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.customer_message, NEW.draft_bubbles, NEW.context)
        IS DISTINCT FROM (OLD.customer_message, OLD.draft_bubbles, OLD.context)
    THEN
        NEW.revision := OLD.revision + 1;
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER reviews_count_revision BEFORE UPDATE ON reviews
    FOR EACH ROW EXECUTE FUNCTION signoff_count_revision();

-- What a reviewer has typed and not decided yet; one for each reviewer, so that nobody's is overwritten.
CREATE TABLE review_drafts (
    interaction_id uuid NOT NULL REFERENCES reviews ON DELETE CASCADE,
    reviewer text NOT NULL,
    draft jsonb NOT NULL,
    saved_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (interaction_id, reviewer),
    CONSTRAINT review_drafts_reviewer_length CHECK (char_length(reviewer) BETWEEN 1 AND 200),
    CONSTRAINT review_drafts_size CHECK (
        jsonb_typeof(draft) = 'object' AND octet_length(draft::text) <= 131072)
);

CREATE INDEX review_drafts_by_age ON review_drafts (saved_at);

-- Which review is not offered to which reviewer for a while.
CREATE TABLE review_skips (
    interaction_id uuid NOT NULL REFERENCES reviews ON DELETE CASCADE,
    reviewer text NOT NULL,
    until timestamptz NOT NULL,
    PRIMARY KEY (reviewer, interaction_id)
);

CREATE INDEX review_skips_of_review ON review_skips (interaction_id);

-- The transaction's number in terms of the feed (0013.feed.sql).
CREATE FUNCTION signoff_feed_transaction() RETURNS xid8
LANGUAGE sql VOLATILE SET search_path FROM CURRENT AS $$
    SELECT (pg_current_xact_id()::text::bigint + signoff_feed_base())::text::xid8
$$;

-- What was decided, in the transaction that decided it. A row is final once `final_at` has passed and
-- `undone_at` is null; nothing but `undone_at` ever changes. The feed of reviews reads it.
CREATE TABLE review_decisions (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    interaction_id uuid NOT NULL,
    user_id text NOT NULL,
    decision text NOT NULL,
    reviewer text,
    opened_at timestamptz,
    decided_at timestamptz NOT NULL,
    final_at timestamptz NOT NULL,
    undone_at timestamptz,
    event_id uuid UNIQUE,
    event text,
    reject_reason text,
    decided_in xid8 NOT NULL DEFAULT signoff_feed_transaction(),
    CONSTRAINT review_decisions_decision_known CHECK (decision IN ('approved', 'rejected', 'expired')),
    CONSTRAINT review_decisions_reviewer CHECK ((decision = 'expired') = (reviewer IS NULL)),
    CONSTRAINT review_decisions_event CHECK (
        (decision = 'approved') = (event_id IS NOT NULL) AND (event_id IS NULL) = (event IS NULL)),
    CONSTRAINT review_decisions_reason CHECK ((decision = 'rejected') = (reject_reason IS NOT NULL))
);

COMMENT ON TABLE review_decisions IS 'Every decision about a review, also those that were undone; kept for ever';
COMMENT ON COLUMN review_decisions.event IS 'The approval event as JSON, as it was put into the outbox';

CREATE INDEX review_decisions_in_feed_order ON review_decisions (decided_in, id);
CREATE INDEX review_decisions_of_reviewer ON review_decisions (reviewer, decided_at);
CREATE INDEX review_decisions_of_review ON review_decisions (interaction_id, decided_at);
CREATE INDEX review_decisions_by_time ON review_decisions (decided_at);

CREATE FUNCTION signoff_only_undone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.undone_at IS NOT NULL OR NEW.undone_at IS NULL
        OR to_jsonb(NEW) - 'undone_at' <> to_jsonb(OLD) - 'undone_at'
    THEN
        RAISE EXCEPTION '% is insert-only but for undone_at: % refused', TG_TABLE_NAME, TG_OP;
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER review_decisions_only_undone BEFORE UPDATE ON review_decisions
    FOR EACH ROW EXECUTE FUNCTION signoff_only_undone();
CREATE TRIGGER review_decisions_insert_only BEFORE DELETE ON review_decisions
    FOR EACH ROW EXECUTE FUNCTION signoff_forbid_change();
CREATE TRIGGER review_decisions_never_truncated BEFORE TRUNCATE ON review_decisions
    FOR EACH STATEMENT EXECUTE FUNCTION signoff_forbid_change();

-- The outbox of this database: the table that relays find too, by the search_path that the session had at its
-- start. Null if there is none.
CREATE FUNCTION signoff_outbox() RETURNS regclass LANGUAGE plpgsql AS $$
DECLARE
    held CONSTANT text := current_setting('search_path');
    found regclass;
BEGIN
    PERFORM set_config('search_path', reset_val, true) FROM pg_settings WHERE name = 'search_path';
    found := to_regclass('signoff_outbox');
    PERFORM set_config('search_path', held, true);
    RETURN found;
END
$$;

-- Add an event that relays publish from `due_at` on. False if there is no outbox.
CREATE FUNCTION signoff_outbox_add(event text, validated_hash bytea, due_at timestamptz) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    outbox CONSTANT regclass := signoff_outbox();
BEGIN
    IF outbox IS NULL THEN
        RETURN false;
    END IF;
    EXECUTE format('INSERT INTO %s (event, validated_hash, due_at) VALUES ($1, $2, $3)', outbox)
        USING event, validated_hash, due_at;
    RETURN true;
END
$$;

-- Remove an event that is not due yet. False if it is due, or is not there.
CREATE FUNCTION signoff_outbox_take_back(event_id uuid) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    outbox CONSTANT regclass := signoff_outbox();
    removed integer;
BEGIN
    IF outbox IS NULL THEN
        RETURN false;
    END IF;
    EXECUTE format('DELETE FROM %s WHERE event_id = $1 AND published_at IS NULL AND refused IS NULL'
        ' AND due_at > clock_timestamp()', outbox) USING event_id;
    GET DIAGNOSTICS removed = ROW_COUNT;
    RETURN removed > 0;
END
$$;

-- Where events are in the outbox; those that are not in it have no row.
CREATE FUNCTION signoff_outbox_look(events uuid[])
RETURNS TABLE (event_id uuid, due_at timestamptz, published_at timestamptz, refused text)
LANGUAGE plpgsql AS $$
DECLARE
    outbox CONSTANT regclass := signoff_outbox();
BEGIN
    IF outbox IS NOT NULL THEN
        RETURN QUERY EXECUTE format('SELECT event_id, due_at, published_at, refused FROM %s'
            ' WHERE event_id = ANY($1)', outbox) USING events;
    END IF;
END
$$;

-- Supervisors move reviews from one reviewer to another.
ALTER TABLE operator_actions DROP CONSTRAINT operator_actions_action_known;
ALTER TABLE operator_actions ADD CONSTRAINT operator_actions_action_known CHECK (action IN (
    'replay', 'edit', 'discard', 'prune',
    'add_user', 'set_roles', 'disable_user', 'enable_user', 'set_password', 'make_link', 'end_session',
    'add_key', 'revoke_key',
    'reassign'));
