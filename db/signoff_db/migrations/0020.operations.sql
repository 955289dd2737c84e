-- Operations: actions on a fixed set of dead letters that a process runs in batches, beside what is asked for.

CREATE TABLE operations (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    action text NOT NULL CONSTRAINT operations_action_known CHECK (action IN ('replay', 'discard')),
    dry_run boolean NOT NULL,
    state text NOT NULL DEFAULT 'waiting' CONSTRAINT operations_state_known CHECK (
        state IN ('waiting', 'running', 'done', 'cancelled', 'stopped', 'failed')),
    actor text NOT NULL,
    reason text CONSTRAINT operations_reason_length CHECK (length(reason) <= 2000),
    selection jsonb NOT NULL,
    most_letters bigint CONSTRAINT operations_most_letters_positive CHECK (most_letters > 0),
    rate double precision CONSTRAINT operations_rate_positive CHECK (rate > 0),
    keep_going boolean NOT NULL DEFAULT false,
    of_operation bigint REFERENCES operations,
    request_key uuid CONSTRAINT operations_requested_once UNIQUE,
    created_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz,
    ended_at timestamptz,
    message text CONSTRAINT operations_message_length CHECK (length(message) <= 2000),
    stopped_by text,

    letters integer NOT NULL DEFAULT 0,
    tried integer NOT NULL DEFAULT 0,
    left_out integer NOT NULL DEFAULT 0,
    effect jsonb NOT NULL DEFAULT '{}',
    results jsonb NOT NULL DEFAULT '[]',
    place integer NOT NULL DEFAULT 0,
    tried_ahead bigint[] NOT NULL DEFAULT '{}',
    counted text[] NOT NULL DEFAULT '{}',
    streak_of text,
    streak integer NOT NULL DEFAULT 0,

    due_at timestamptz NOT NULL DEFAULT now(),
    lease uuid,
    takes integer NOT NULL DEFAULT 0,
    CONSTRAINT operations_ended CHECK ((state IN ('waiting', 'running')) = (ended_at IS NULL)),
    CONSTRAINT operations_lease_of_running CHECK (lease IS NULL OR state = 'running'),
    CONSTRAINT operations_discard_for_a_reason CHECK (action <> 'discard' OR reason IS NOT NULL)
);

COMMENT ON TABLE operations IS 'Actions on fixed sets of dead letters, and how far each has come';
COMMENT ON COLUMN operations.selection IS 'What the operator chose, as it is shown; the letters are in operation_letters';
COMMENT ON COLUMN operations.most_letters IS 'The most letters that were to be taken, the oldest; null for all';
COMMENT ON COLUMN operations.rate IS 'The most letters a second; null for as many as it can';
COMMENT ON COLUMN operations.of_operation IS 'The operation whose letters it took';
COMMENT ON COLUMN operations.request_key IS 'The key of the request that started it: a repeated request starts nothing';
COMMENT ON COLUMN operations.stopped_by IS 'The fingerprint of the cause that recurred, if that stopped it';
COMMENT ON COLUMN operations.letters IS 'How many letters it is about';
COMMENT ON COLUMN operations.left_out IS 'How many of them were settled by others before their turn came';
COMMENT ON COLUMN operations.effect IS 'What it changed, or would change: counts, amounts, statuses, causes of failures';
COMMENT ON COLUMN operations.results IS 'The results of the first letters';
COMMENT ON COLUMN operations.place IS 'The place of the last letter up to which all are tried';
COMMENT ON COLUMN operations.tried_ahead IS 'Letters after that place that are tried already';
COMMENT ON COLUMN operations.counted IS
    'What events after that place may touch again: interactions, and customers, of which the amounts are in the effect';
COMMENT ON COLUMN operations.due_at IS
    'When a runner may take it; while one has it, when another one may take it from it';
COMMENT ON COLUMN operations.lease IS 'The runner that has it: only it may note progress';
COMMENT ON COLUMN operations.takes IS 'How many runners have taken it since the last progress';

CREATE INDEX operations_due ON operations (due_at) WHERE state IN ('waiting', 'running');
CREATE INDEX operations_of_operation ON operations (of_operation) WHERE of_operation IS NOT NULL;

-- Without foreign keys: a set is written at once, and checking each of 100,000 rows would take seconds. A letter that
-- was pruned meanwhile is one that is not dead any more.
CREATE TABLE operation_letters (
    operation_id bigint NOT NULL,
    place integer NOT NULL,
    letter_id bigint NOT NULL,
    group_id bigint NOT NULL,
    PRIMARY KEY (operation_id, place)
);

COMMENT ON TABLE operation_letters IS 'The letters of each operation, fixed when it was started';
COMMENT ON COLUMN operation_letters.place IS 'Its place in the order in which they are tried, from 1';
COMMENT ON COLUMN operation_letters.group_id IS
    'The oldest letter of its group: letters of one customer, which have an effect on each other';

-- The processes that run operations, so that people see whether there is one.
CREATE TABLE operation_runners (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now(),
    seen_at timestamptz NOT NULL DEFAULT now()
);

ALTER TABLE operator_actions DROP CONSTRAINT operator_actions_action_known;
ALTER TABLE operator_actions ADD CONSTRAINT operator_actions_action_known CHECK (action IN (
    'replay', 'edit', 'discard', 'prune', 'cancel_operation',
    'add_user', 'set_roles', 'disable_user', 'enable_user', 'set_password', 'make_link', 'end_session',
    'add_key', 'revoke_key',
    'reassign',
    'add_webhook', 'rotate_webhook', 'disable_webhook', 'enable_webhook', 'remove_webhook', 'replay_webhook',
    'pause_queue', 'resume_queue', 'requeue_outbox', 'start_audit'));
