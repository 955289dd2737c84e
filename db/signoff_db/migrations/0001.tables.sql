-- The tables, but for interactions. An installation of release 0.1 has them already: there
-- move_from_0_1.sql runs instead of this file.

-- The ledger: one row for each applied event, never changed. Because of its primary key an event takes effect
-- once.
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

-- To find an interaction's events, which are folded again; the fold sorts them itself.
CREATE INDEX approvals_of_interaction ON approvals (interaction_id);

-- The customers: LTV is the sum over the user's interactions, the status is that of the latest event
-- that gave one, else that of the most recently created interaction.
CREATE TABLE customers (
    user_id text PRIMARY KEY,
    customer_status varchar(20) NOT NULL DEFAULT 'PROSPECT',
    ltv_usd numeric(14,2) NOT NULL DEFAULT 0,
    updated_at timestamptz NOT NULL DEFAULT now(),
    -- Where the status comes from: the latest event that gave one or, without any, the most recently
    -- created interaction; the two columns of the other are as low as can be. These four columns are
    -- compared as one position, and the greatest gives the status.
    status_occurred_at timestamptz NOT NULL DEFAULT '-infinity',
    status_event_id uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    status_created_at timestamptz NOT NULL DEFAULT '-infinity',
    status_interaction_id uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    CONSTRAINT customers_customer_status_known CHECK (customer_status IN
        ('PROSPECT', 'LEAD_QUALIFIED', 'CUSTOMER', 'CHURNED', 'LEAD_EXHAUSTED'))
);

-- The dead letters: what could not be applied, with its bytes, until an operator settles it.
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

-- The same bytes of the same job are one open dead letter, however often they arrive.
CREATE UNIQUE INDEX dead_letters_open_once ON dead_letters (md5(job_id), md5(payload)) WHERE state = 'dead';

CREATE INDEX dead_letters_of_event ON dead_letters (event_id);

CREATE INDEX dead_letters_open_by_cause ON dead_letters (fingerprint, id) WHERE state = 'dead';

-- What operators did to dead letters, and why; never changed.
CREATE TABLE operator_actions (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    actor text NOT NULL,
    acted_at timestamptz NOT NULL DEFAULT now(),
    action text NOT NULL,
    dead_letter_ids bigint[] NOT NULL,
    reason text,
    before jsonb,
    after jsonb,
    CONSTRAINT operator_actions_action_known CHECK (action IN ('replay', 'edit', 'discard', 'prune'))
);

CREATE INDEX operator_actions_of_letter ON operator_actions USING gin (dead_letter_ids);

-- The alerts that `signoff alert` has sent, so that no restart and no second instance sends them again.
CREATE TABLE alerts (
    subject text PRIMARY KEY,
    alerted_at timestamptz NOT NULL DEFAULT now()
);

COMMENT ON COLUMN alerts.subject IS 'The fingerprint of dead letters, or "limit" for their number';
