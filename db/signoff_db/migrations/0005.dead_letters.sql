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
