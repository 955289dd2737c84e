-- Outgoing webhooks: who is told of what (webhooks), and each message to each of them (webhook_deliveries).

CREATE TABLE webhooks (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL CONSTRAINT webhooks_name_once UNIQUE
        CONSTRAINT webhooks_name_form CHECK (name ~ '^[A-Za-z0-9_.-]{1,64}$'),
    url text NOT NULL CONSTRAINT webhooks_url_length CHECK (length(url) <= 2000),
    secret bytea NOT NULL CONSTRAINT webhooks_secret_length CHECK (octet_length(secret) BETWEEN 24 AND 64),
    previous_secret bytea,
    previous_until timestamptz,
    kinds text[] NOT NULL CONSTRAINT webhooks_kinds_known CHECK (
        kinds <> '{}' AND kinds <@ ARRAY['review.approved', 'review.rejected', 'status.changed']),
    created_at timestamptz NOT NULL DEFAULT now(),
    begins_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    disabled_at timestamptz,
    disabled_reason text CONSTRAINT webhooks_disabled_reason_length CHECK (length(disabled_reason) <= 200),
    CONSTRAINT webhooks_previous_secret_ends CHECK ((previous_secret IS NULL) = (previous_until IS NULL)),
    CONSTRAINT webhooks_disabled_for_a_reason CHECK ((disabled_at IS NULL) = (disabled_reason IS NULL))
);

COMMENT ON TABLE webhooks IS 'Receivers of outgoing webhooks';
COMMENT ON COLUMN webhooks.secret IS 'The key of the signatures; the receiver has it as whsec_<base64>';
COMMENT ON COLUMN webhooks.previous_secret IS 'The key before the last rotation, which signs too until previous_until';
COMMENT ON COLUMN webhooks.begins_at IS
    'When it was added, or enabled again: what was applied or decided before is not sent to it';
COMMENT ON COLUMN webhooks.disabled_at IS 'Since when nothing is written or sent; null if it is enabled';

CREATE TABLE webhook_deliveries (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    message_id uuid NOT NULL DEFAULT gen_random_uuid(),
    webhook_id bigint NOT NULL REFERENCES webhooks ON DELETE CASCADE,
    kind text NOT NULL CONSTRAINT webhook_deliveries_kind_known CHECK (
        kind IN ('review.approved', 'review.rejected', 'status.changed')),
    cause_id uuid,
    body text NOT NULL CONSTRAINT webhook_deliveries_body_size CHECK (octet_length(body) <= 262144),
    state text NOT NULL DEFAULT 'pending' CONSTRAINT webhook_deliveries_state_known CHECK (
        state IN ('pending', 'delivered', 'dead')),
    attempts integer NOT NULL DEFAULT 0 CONSTRAINT webhook_deliveries_attempts CHECK (attempts >= 0),
    next_attempt_at timestamptz DEFAULT now(),
    lease uuid,
    last_attempt_at timestamptz,
    last_status integer CONSTRAINT webhook_deliveries_last_status CHECK (last_status BETWEEN 100 AND 999),
    last_error text CONSTRAINT webhook_deliveries_last_error_length CHECK (length(last_error) <= 1000),
    created_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    CONSTRAINT webhook_deliveries_pending_is_due CHECK ((state = 'pending') = (next_attempt_at IS NOT NULL)),
    CONSTRAINT webhook_deliveries_finished_once CHECK ((state = 'pending') = (finished_at IS NULL)),
    CONSTRAINT webhook_deliveries_lease_of_pending CHECK (lease IS NULL OR state = 'pending')
);

COMMENT ON TABLE webhook_deliveries IS 'One message to one webhook; those that are dead are its dead letters';
COMMENT ON COLUMN webhook_deliveries.message_id IS
    'The header webhook-id: the same with each attempt and replay, so that the receiver can drop repetitions';
COMMENT ON COLUMN webhook_deliveries.cause_id IS 'The applied event, or the decision about a review, that caused it';
COMMENT ON COLUMN webhook_deliveries.body IS 'The JSON that is signed and sent, unchanged with each attempt';
COMMENT ON COLUMN webhook_deliveries.next_attempt_at IS
    'When it is sent next; while a sender has it in hand, when another one may take it';
COMMENT ON COLUMN webhook_deliveries.lease IS 'The attempt that is under way: only it may note how it ended';
COMMENT ON COLUMN webhook_deliveries.last_status IS 'The HTTP status of the last answer; null if there was none';

CREATE INDEX webhook_deliveries_pending ON webhook_deliveries (webhook_id, next_attempt_at) WHERE state = 'pending';
CREATE INDEX webhook_deliveries_dead ON webhook_deliveries (webhook_id, id) WHERE state = 'dead';
-- To forget those that were delivered long ago.
CREATE INDEX webhook_deliveries_delivered ON webhook_deliveries (finished_at) WHERE state = 'delivered';

-- The status of each customer as `status.changed` told it last; the next one begins there.
CREATE TABLE webhook_statuses (
    user_id text PRIMARY KEY,
    customer_status varchar(20) NOT NULL
);

COMMENT ON TABLE webhook_statuses IS
    'The status of customers that the last webhook of kind status.changed told; PROSPECT where there is no row';
