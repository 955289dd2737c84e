-- The schema as release 0.1.0 made it: its eleven migrations, one after the other, and the marks that
-- its migration library kept. What installations of that release hold when they are moved.

-- 0001.interactions
-- The interactions: the state of each reviewed reply. An installation may hold the table already,
-- with rows: what is missing is added, and every value stays.

CREATE TABLE IF NOT EXISTS interactions (
    id uuid PRIMARY KEY
);

ALTER TABLE interactions
    ADD COLUMN IF NOT EXISTS user_id text,
    ADD COLUMN IF NOT EXISTS review_status text,
    ADD COLUMN IF NOT EXISTS reviewer_id text,
    ADD COLUMN IF NOT EXISTS final_bubbles text[],
    ADD COLUMN IF NOT EXISTS edit_tags text[],
    ADD COLUMN IF NOT EXISTS quality_score smallint,
    ADD COLUMN IF NOT EXISTS reviewer_notes text,
    ADD COLUMN IF NOT EXISTS cta_data jsonb,
    ADD COLUMN IF NOT EXISTS customer_status varchar(20) NOT NULL DEFAULT 'PROSPECT',
    ADD COLUMN IF NOT EXISTS ltv_usd numeric(8,2) NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS review_completed_at timestamptz,
    ADD COLUMN IF NOT EXISTS created_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN IF NOT EXISTS updated_at timestamptz NOT NULL DEFAULT now(),
    -- The newest event, by (occurred_at, event_id); null until the first. Its occurred_at is
    -- review_completed_at.
    ADD COLUMN IF NOT EXISTS last_event_id uuid,
    -- The newest event that gave a status.
    ADD COLUMN IF NOT EXISTS status_occurred_at timestamptz,
    ADD COLUMN IF NOT EXISTS status_event_id uuid,
    -- What the row held before its first event: the start of its fold.
    ADD COLUMN IF NOT EXISTS opening_customer_status varchar(20),
    ADD COLUMN IF NOT EXISTS opening_ltv_usd numeric(14,2);

-- An adopted table may hold columns of the same name that Signoff cannot work with.
DO $$
DECLARE
    wrong text;
BEGIN
    SELECT string_agg(format('%s is %s, expected %s', c.name, format_type(a.atttypid, NULL), c.expected), '; ')
    INTO wrong
    FROM (VALUES
        ('id', 'uuid'), ('user_id', 'text'), ('review_status', 'text'), ('reviewer_id', 'text'),
        ('final_bubbles', 'text[]'), ('edit_tags', 'text[]'), ('reviewer_notes', 'text'),
        ('quality_score', 'smallint'),
        ('cta_data', 'jsonb'), ('customer_status', 'character varying'), ('ltv_usd', 'numeric'),
        ('review_completed_at', 'timestamp with time zone'),
        ('created_at', 'timestamp with time zone'), ('updated_at', 'timestamp with time zone')
    ) AS c(name, expected)
    JOIN pg_attribute a ON a.attrelid = 'interactions'::regclass AND a.attname = c.name
    WHERE regexp_replace(replace(format_type(a.atttypid, NULL), 'character varying', 'text'),
            '^(integer|bigint)$', CASE c.name WHEN 'quality_score' THEN 'smallint' ELSE '\1' END)
        <> replace(c.expected, 'character varying', 'text');
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'the table interactions exists with columns of other types: %', wrong
            USING HINT = 'Change their types, or point Signoff at another database, and migrate again.';
    END IF;
    IF NOT EXISTS (
        SELECT FROM pg_index
        JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[0]
        WHERE indrelid = 'interactions'::regclass AND attname = 'id' AND indnatts = 1
            AND indisunique AND indimmediate AND indpred IS NULL
    ) THEN
        ALTER TABLE interactions ADD PRIMARY KEY (id);
    END IF;
END
$$;

-- NOT VALID: new values are held to the closed sets, old ones stay as they are.
ALTER TABLE interactions
    ADD CONSTRAINT interactions_customer_status_known CHECK (customer_status IN
        ('PROSPECT', 'LEAD_QUALIFIED', 'CUSTOMER', 'CHURNED', 'LEAD_EXHAUSTED')) NOT VALID,
    ADD CONSTRAINT interactions_quality_score_range CHECK (quality_score BETWEEN 1 AND 5) NOT VALID,
    ADD CONSTRAINT interactions_edit_tags_known CHECK (edit_tags <@ ARRAY[
        'CTA_SOFT', 'CTA_MEDIUM', 'CTA_DIRECT', 'REDUCED_CRINGE', 'INCREASED_FLIRT', 'ENGLISH_SLANG',
        'TEXT_SPEAK', 'STRUCT_SHORTEN', 'STRUCT_BUBBLE', 'CONTENT_EMOJI_ADD', 'CONTENT_EMOJI_CUT',
        'CONTENT_QUESTION', 'CONTENT_QUESTION_CUT', 'CONTENT_REWRITE', 'CONTENT_SENTENCE_ADD',
        'TONE_LESS_IA', 'TONE_ROMANTIC_UP', 'TONE_CASUAL', 'TONE_FLIRT_UP', 'TONE_CRINGE_DOWN',
        'TONE_ENERGY_UP']::text[]) NOT VALID;

-- An adopted row may hold a status of another system, or none: to the fold it is a PROSPECT.
CREATE FUNCTION signoff_known_status(status text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN status IN ('PROSPECT', 'LEAD_QUALIFIED', 'CUSTOMER', 'CHURNED', 'LEAD_EXHAUSTED')
        THEN status ELSE 'PROSPECT' END
$$;

CREATE INDEX IF NOT EXISTS interactions_of_user ON interactions (user_id, created_at, id);

-- 0002.ledger
-- The ledger: one row per applied event, never changed. Its primary key is what makes an event
-- take effect once.
-- depends: 0001.interactions

CREATE TABLE approvals (
    event_id uuid PRIMARY KEY,
    schema_version smallint NOT NULL,
    occurred_at timestamptz NOT NULL,
    interaction_id uuid NOT NULL,
    user_id text,
    reviewer_id text,
    final_bubbles text[] NOT NULL,
    edit_tags text[] NOT NULL,
    quality_score smallint NOT NULL,
    reviewer_notes text,
    cta_data jsonb,
    customer_status varchar(20),
    ltv_amount numeric(7,2),
    content_hash bytea NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT approvals_customer_status_known CHECK (customer_status IN
        ('PROSPECT', 'LEAD_QUALIFIED', 'CUSTOMER', 'CHURNED', 'LEAD_EXHAUSTED')),
    CONSTRAINT approvals_quality_score_range CHECK (quality_score BETWEEN 1 AND 5),
    CONSTRAINT approvals_ltv_amount_range CHECK (ltv_amount BETWEEN 0 AND 10000)
);

COMMENT ON COLUMN approvals.content_hash IS 'BLAKE2b-128 of the canonical JSON of the event';

-- An interaction's events, to fold them anew; the fold sorts them itself.
CREATE INDEX approvals_of_interaction ON approvals (interaction_id);

CREATE FUNCTION signoff_forbid_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is insert-only: % refused', TG_TABLE_NAME, TG_OP;
END
$$;

CREATE TRIGGER approvals_insert_only BEFORE UPDATE OR DELETE ON approvals
    FOR EACH ROW EXECUTE FUNCTION signoff_forbid_change();

-- 0003.fold
-- The fold: what the events of one interaction, in order of occurrence, make of its opening balance.
-- The rule stands here and nowhere else: workers, replay, dry run and audit all call this aggregate.
-- depends: 0002.ledger

CREATE TYPE signoff_balance AS (
    customer_status text,
    ltv_usd numeric,
    -- The highest LTV on the way: a fold is refused if it leaves numeric(8,2) at any step.
    peak_ltv_usd numeric
);

CREATE FUNCTION signoff_fold_step(
    balance signoff_balance,
    opening_status text,
    opening_ltv numeric,
    event_status text,
    event_amount numeric
) RETURNS signoff_balance LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    IF balance.ltv_usd IS NULL THEN
        balance.customer_status := opening_status;
        balance.ltv_usd := opening_ltv;
    END IF;
    balance.customer_status := coalesce(event_status, balance.customer_status);
    IF event_amount IS NOT NULL THEN
        balance.ltv_usd := CASE balance.customer_status
            WHEN 'CUSTOMER' THEN balance.ltv_usd + event_amount
            ELSE event_amount
        END;
        balance.peak_ltv_usd := greatest(balance.peak_ltv_usd, balance.ltv_usd);
    END IF;
    RETURN balance;
END
$$;

CREATE AGGREGATE signoff_fold(opening_status text, opening_ltv numeric, event_status text, event_amount numeric) (
    SFUNC = signoff_fold_step,
    STYPE = signoff_balance
);

-- The last value that was given: a strict step function passes nulls by.
CREATE FUNCTION signoff_later(anyelement, anyelement) RETURNS anyelement
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS 'SELECT $2';

CREATE AGGREGATE signoff_last_given(anyelement) (SFUNC = signoff_later, STYPE = anyelement);

-- 0004.customers
-- The customers: LTV is the sum over the user's interactions, the status is that of the latest event
-- that gave one, else that of the most recently created interaction.
-- depends: 0003.fold

-- What other systems insert meanwhile would be counted by neither the INSERT below nor the triggers.
LOCK TABLE interactions IN SHARE ROW EXCLUSIVE MODE;

CREATE TABLE customers (
    user_id text PRIMARY KEY,
    customer_status varchar(20) NOT NULL DEFAULT 'PROSPECT',
    ltv_usd numeric(14,2) NOT NULL DEFAULT 0,
    updated_at timestamptz NOT NULL DEFAULT now(),
    -- The latest event that gave a status; a status that no event gave stands at -infinity.
    status_occurred_at timestamptz NOT NULL DEFAULT '-infinity',
    status_event_id uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    CONSTRAINT customers_customer_status_known CHECK (customer_status IN
        ('PROSPECT', 'LEAD_QUALIFIED', 'CUSTOMER', 'CHURNED', 'LEAD_EXHAUSTED'))
);

INSERT INTO customers (user_id, customer_status, ltv_usd)
SELECT
    user_id,
    signoff_known_status((array_agg(customer_status ORDER BY created_at DESC, id DESC))[1]),
    coalesce(sum(ltv_usd), 0)
FROM interactions
WHERE user_id IS NOT NULL
GROUP BY user_id;

-- apply.sql counts what events with a status do, the common case. These triggers count the rest: what
-- other systems insert, and change before its first event; what is created without a status; and what
-- gains or changes its owner.
CREATE FUNCTION signoff_refresh_status(customer text) RETURNS void LANGUAGE sql AS $$
    -- The caller holds the customer's row, so that this sees all that others committed before.
    UPDATE customers c SET
        customer_status = signoff_known_status(i.customer_status),
        status_occurred_at = coalesce(i.status_occurred_at, '-infinity'),
        status_event_id = coalesce(i.status_event_id, '00000000-0000-0000-0000-000000000000')
    FROM (
        SELECT * FROM interactions WHERE user_id = customer
        ORDER BY status_occurred_at DESC NULLS LAST, status_event_id DESC, created_at DESC, id DESC
        LIMIT 1
    ) AS i
    WHERE c.user_id = customer
$$;

CREATE FUNCTION signoff_count_towards(customer text, difference numeric) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO customers AS c (user_id, ltv_usd) VALUES (customer, difference)
    ON CONFLICT (user_id) DO UPDATE SET ltv_usd = c.ltv_usd + excluded.ltv_usd, updated_at = now();
    PERFORM signoff_refresh_status(customer);
END
$$;

CREATE FUNCTION signoff_count_interaction() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' AND NEW.last_event_id IS NOT NULL THEN
        -- Created by an event without a status: apply.sql has counted its LTV.
        PERFORM signoff_refresh_status(NEW.user_id);
        RETURN NULL;
    END IF;
    IF TG_OP <> 'INSERT' AND OLD.user_id IS NOT NULL THEN
        PERFORM signoff_count_towards(OLD.user_id, -coalesce(OLD.ltv_usd, 0));
    END IF;
    IF TG_OP <> 'DELETE' AND NEW.user_id IS NOT NULL THEN
        PERFORM signoff_count_towards(NEW.user_id, coalesce(NEW.ltv_usd, 0));
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER interactions_count_insert AFTER INSERT ON interactions
    FOR EACH ROW WHEN (NEW.status_event_id IS NULL AND NEW.user_id IS NOT NULL)
    EXECUTE FUNCTION signoff_count_interaction();

CREATE TRIGGER interactions_count_update AFTER UPDATE OF user_id, customer_status, ltv_usd ON interactions
    FOR EACH ROW WHEN (
        NEW.user_id IS DISTINCT FROM OLD.user_id
        OR (NEW.last_event_id IS NULL AND (
            NEW.ltv_usd IS DISTINCT FROM OLD.ltv_usd
            OR NEW.customer_status IS DISTINCT FROM OLD.customer_status)))
    EXECUTE FUNCTION signoff_count_interaction();

CREATE TRIGGER interactions_count_delete AFTER DELETE ON interactions
    FOR EACH ROW WHEN (OLD.user_id IS NOT NULL)
    EXECUTE FUNCTION signoff_count_interaction();

-- 0005.dead_letters
-- The dead letters: what could not be applied, with its bytes, until an operator settles it.
-- depends: 0004.customers

CREATE TABLE dead_letters (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id uuid,
    job_id text NOT NULL,
    kind text NOT NULL,
    message text NOT NULL,
    detail jsonb NOT NULL DEFAULT '[]',
    payload bytea NOT NULL,
    -- That of the canonical event, as in the ledger; null where the payload is no valid event.
    content_hash bytea,
    fingerprint text NOT NULL,
    interaction_id uuid,
    user_id text,
    attempts integer NOT NULL DEFAULT 1,
    first_failed_at timestamptz NOT NULL DEFAULT now(),
    last_failed_at timestamptz NOT NULL DEFAULT now(),
    state text NOT NULL DEFAULT 'dead',
    resolved_at timestamptz,
    CONSTRAINT dead_letters_kind_known CHECK (kind IN
        ('invalid_payload', 'unsupported_version', 'unknown_function', 'unknown_interaction',
         'user_mismatch', 'ltv_overflow', 'event_conflict', 'refused_by_database', 'abandoned')),
    CONSTRAINT dead_letters_state_known CHECK (state IN ('dead', 'resolved', 'discarded')),
    CONSTRAINT dead_letters_settled_once CHECK ((state = 'dead') = (resolved_at IS NULL)),
    CONSTRAINT dead_letters_attempted CHECK (attempts >= 1)
);

COMMENT ON COLUMN dead_letters.resolved_at IS 'When the letter left the state dead, either way';

-- The same bytes of the same job are one open dead letter, however often they come back.
CREATE UNIQUE INDEX dead_letters_open_once ON dead_letters (md5(job_id), md5(payload)) WHERE state = 'dead';

CREATE INDEX dead_letters_of_event ON dead_letters (event_id);

CREATE INDEX dead_letters_open_by_cause ON dead_letters (fingerprint, id) WHERE state = 'dead';

-- 0006.operator_actions
-- What operators did to dead letters, and why; never changed.
-- depends: 0005.dead_letters

CREATE TABLE operator_actions (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    actor text NOT NULL,
    acted_at timestamptz NOT NULL DEFAULT now(),
    action text NOT NULL,
    dead_letter_ids bigint[] NOT NULL,
    reason text,
    before jsonb,
    after jsonb,
    CONSTRAINT operator_actions_action_known CHECK (action IN ('replay', 'edit', 'discard'))
);

CREATE INDEX operator_actions_of_letter ON operator_actions USING gin (dead_letter_ids);

CREATE TRIGGER operator_actions_insert_only BEFORE UPDATE OR DELETE ON operator_actions
    FOR EACH ROW EXECUTE FUNCTION signoff_forbid_change();

-- 0007.views
-- What people query: how customers moved through the funnel, and where they stand.
-- depends: 0006.operator_actions

-- One row for each change of a customer's status, over all interactions of the customer (or of the
-- interaction alone where it has no user).
CREATE VIEW status_transitions AS
SELECT user_id, from_status, to_status, occurred_at, interaction_id, event_id,
    (from_status, to_status) IN (
        ('PROSPECT', 'LEAD_QUALIFIED'), ('LEAD_QUALIFIED', 'CUSTOMER'), ('CUSTOMER', 'CHURNED'),
        ('PROSPECT', 'LEAD_EXHAUSTED')
    ) AS on_path
FROM (
    SELECT i.user_id, a.customer_status AS to_status, a.occurred_at, a.interaction_id, a.event_id,
        coalesce(
            lag(a.customer_status) OVER (
                PARTITION BY i.user_id, CASE WHEN i.user_id IS NULL THEN i.id END
                ORDER BY a.occurred_at, a.event_id),
            i.opening_customer_status, 'PROSPECT') AS from_status
    FROM approvals a
    JOIN interactions i ON i.id = a.interaction_id
    WHERE a.customer_status IS NOT NULL
) AS step
WHERE from_status <> to_status;

CREATE VIEW customer_funnel AS
SELECT s.customer_status::varchar(20), count(c.user_id) AS customers, coalesce(sum(c.ltv_usd), 0.00) AS ltv_usd
FROM (VALUES (1, 'PROSPECT'), (2, 'LEAD_QUALIFIED'), (3, 'CUSTOMER'), (4, 'CHURNED'),
    (5, 'LEAD_EXHAUSTED')) AS s(position, customer_status)
LEFT JOIN customers c ON c.customer_status = s.customer_status
GROUP BY s.position, s.customer_status
ORDER BY s.position;

-- 0008.operating
-- What operators need over the years: pruning settled dead letters, and alerts that are sent once.
-- depends: 0007.views

ALTER TABLE operator_actions DROP CONSTRAINT operator_actions_action_known;

ALTER TABLE operator_actions ADD CONSTRAINT operator_actions_action_known
    CHECK (action IN ('replay', 'edit', 'discard', 'prune'));

-- What `signoff alert` has told, so that no restart and no second instance tells it again.
CREATE TABLE alerts (
    subject text PRIMARY KEY,
    alerted_at timestamptz NOT NULL DEFAULT now()
);

COMMENT ON COLUMN alerts.subject IS 'The fingerprint of dead letters, or "limit" for their number';

-- 0009.sift
-- Which events' ledger rows Postgres refuses, all of them in one call: what a batch asks once it was
-- refused, instead of halving itself until each culprit stands alone.
-- depends: 0008.operating

CREATE TYPE signoff_refusal AS (
    event_id uuid,
    sqlstate text,
    message text,
    hint text,
    constraint_name text
);

-- Tries the rows, 16 at a time, then those of a group that was refused one by one; and undoes it all.
CREATE FUNCTION signoff_sift(events json) RETURNS SETOF signoff_refusal LANGUAGE plpgsql AS $$
DECLARE
    tried CONSTANT approvals[] := ARRAY(
        SELECT e FROM json_populate_recordset(NULL::approvals, events) AS e
        -- What the ledger holds already is judged by its content, whatever rules were added since.
        WHERE NOT EXISTS (SELECT FROM approvals a WHERE a.event_id = e.event_id)
        -- In one order, as batches write: what other transactions hold is waited for, never in a circle.
        ORDER BY e.event_id);
    size CONSTANT integer := 16;
    refused signoff_refusal[] := '{}';
BEGIN
    BEGIN
        FOR place IN 1 .. cardinality(tried) BY size LOOP
            BEGIN
                PERFORM signoff_try_rows(tried[place : place + size - 1]);
            EXCEPTION WHEN OTHERS THEN
                refused := refused || signoff_try_each(tried[place : place + size - 1]);
            END;
        END LOOP;
        RAISE EXCEPTION USING ERRCODE = 'SG001';
    EXCEPTION WHEN SQLSTATE 'SG001' THEN
        NULL;
    END;
    RETURN QUERY SELECT * FROM unnest(refused);
END
$$;

CREATE FUNCTION signoff_try_rows(ledger_rows approvals[]) RETURNS void LANGUAGE sql AS $$
    INSERT INTO approvals (
        event_id, schema_version, occurred_at, interaction_id, user_id, reviewer_id, final_bubbles,
        edit_tags, quality_score, reviewer_notes, cta_data, customer_status, ltv_amount, content_hash)
    SELECT event_id, coalesce(schema_version, 1), occurred_at, interaction_id, user_id, reviewer_id,
        final_bubbles, coalesce(edit_tags, '{}'), quality_score, reviewer_notes, cta_data,
        customer_status, ltv_amount, ''
    FROM unnest(ledger_rows)
    ON CONFLICT (event_id) DO NOTHING
$$;

CREATE FUNCTION signoff_try_each(ledger_rows approvals[]) RETURNS signoff_refusal[] LANGUAGE plpgsql AS $$
DECLARE
    ledger_row approvals;
    refusal signoff_refusal;
    refused signoff_refusal[] := '{}';
BEGIN
    FOREACH ledger_row IN ARRAY ledger_rows LOOP
        BEGIN
            PERFORM signoff_try_rows(ARRAY[ledger_row]);
        EXCEPTION WHEN OTHERS THEN
            GET STACKED DIAGNOSTICS
                refusal.message = MESSAGE_TEXT,
                refusal.hint = PG_EXCEPTION_HINT,
                refusal.constraint_name = CONSTRAINT_NAME;
            refusal.event_id := ledger_row.event_id;
            refusal.sqlstate := SQLSTATE;
            refused := refused || refusal;
        END;
    END LOOP;
    RETURN refused;
END
$$;

-- 0010.last_given
-- The last value given, at less than half the cost a row: Postgres starts an executor for each call of a
-- step function in SQL, and none for this one. It matters where an interaction has many events.
-- depends: 0009.sift

CREATE OR REPLACE FUNCTION signoff_later(anyelement, anyelement) RETURNS anyelement
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS 'BEGIN RETURN $2; END';

-- 0011.interactions_of_user
-- A key column is one that an index can be searched by, if only by reading it whole. While a table is empty
-- that looks as cheap as the primary key, and a plan made then (after an ANALYZE of the empty table)
-- looked each interaction up by reading all of them.
-- depends: 0010.last_given

DROP INDEX IF EXISTS interactions_of_user;

CREATE INDEX interactions_of_user ON interactions (user_id, created_at) INCLUDE (id);

CREATE TABLE signoff_migrations (
    migration_hash varchar(64) NOT NULL PRIMARY KEY,
    migration_id varchar(255),
    applied_at_utc timestamp
);
CREATE TABLE _yoyo_log (
    id varchar(36) NOT NULL PRIMARY KEY,
    migration_hash varchar(64),
    migration_id varchar(255),
    operation varchar(10),
    username varchar(255),
    hostname varchar(255),
    comment varchar(255),
    created_at_utc timestamp
);
CREATE TABLE _yoyo_version (version int NOT NULL PRIMARY KEY, installed_at_utc timestamp);
CREATE TABLE yoyo_lock (locked int DEFAULT 1 PRIMARY KEY, ctime timestamp, pid int NOT NULL);
INSERT INTO signoff_migrations VALUES
    (md5('0001.interactions'), '0001.interactions', now() AT TIME ZONE 'UTC'),
    (md5('0002.ledger'), '0002.ledger', now() AT TIME ZONE 'UTC'),
    (md5('0003.fold'), '0003.fold', now() AT TIME ZONE 'UTC'),
    (md5('0004.customers'), '0004.customers', now() AT TIME ZONE 'UTC'),
    (md5('0005.dead_letters'), '0005.dead_letters', now() AT TIME ZONE 'UTC'),
    (md5('0006.operator_actions'), '0006.operator_actions', now() AT TIME ZONE 'UTC'),
    (md5('0007.views'), '0007.views', now() AT TIME ZONE 'UTC'),
    (md5('0008.operating'), '0008.operating', now() AT TIME ZONE 'UTC'),
    (md5('0009.sift'), '0009.sift', now() AT TIME ZONE 'UTC'),
    (md5('0010.last_given'), '0010.last_given', now() AT TIME ZONE 'UTC'),
    (md5('0011.interactions_of_user'), '0011.interactions_of_user', now() AT TIME ZONE 'UTC');
INSERT INTO _yoyo_log (id, migration_hash, migration_id, operation)
SELECT gen_random_uuid()::text, migration_hash, migration_id, 'apply' FROM signoff_migrations;
