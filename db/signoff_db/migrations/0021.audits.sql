-- The results of audits, and those that were asked for: one runs for minutes, so a process in the background runs it.
CREATE TABLE audits (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    state text NOT NULL DEFAULT 'waiting',
    requested_by text NOT NULL,
    requested_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz,
    ended_at timestamptz,
    clean boolean,
    report jsonb,
    message text,
    CONSTRAINT audits_state_known CHECK (state IN ('waiting', 'running', 'done', 'failed')),
    CONSTRAINT audits_started CHECK ((state = 'waiting') = (started_at IS NULL)),
    CONSTRAINT audits_ended CHECK ((state IN ('done', 'failed')) = (ended_at IS NOT NULL)),
    CONSTRAINT audits_report_of_done CHECK (
        (state = 'done') = (report IS NOT NULL) AND (report IS NULL) = (clean IS NULL)),
    CONSTRAINT audits_message_of_failed CHECK ((state = 'failed') = (message IS NOT NULL))
);

COMMENT ON TABLE audits IS 'Audits of the ledger: what was found, and those that wait or run';
COMMENT ON COLUMN audits.clean IS 'Whether there was no difference, and every job in Redis was accounted for';

-- One at a time.
CREATE UNIQUE INDEX audits_open_once ON audits ((true)) WHERE state IN ('waiting', 'running');

-- What operators did, by time, by who and by what; each row is one action, so there are few.
CREATE INDEX operator_actions_by_time ON operator_actions (acted_at, id);
CREATE INDEX operator_actions_of_actor ON operator_actions (actor, acted_at, id);
CREATE INDEX operator_actions_of_kind ON operator_actions (action, acted_at, id);
