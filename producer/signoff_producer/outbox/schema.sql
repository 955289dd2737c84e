-- The transactional outbox: events to be published, written in the transaction of the business
-- change that caused them. It is in the upstream's own database: add this to its migrations, or run
-- `signoff outbox create`. It is safe to run again; a table of an earlier release is brought up to date.
--
-- Any language adds an event with INSERT INTO signoff_outbox (event) VALUES (its JSON).
CREATE TABLE IF NOT EXISTS signoff_outbox (
    -- Generated from the event, so that the two cannot differ. No event is in the table twice.
    event_id uuid GENERATED ALWAYS AS ((event::jsonb ->> 'event_id')::uuid) STORED PRIMARY KEY,
    event text NOT NULL,
    added_at timestamptz NOT NULL DEFAULT now(),
    -- When `signoff relay` put it on the queue; null while it waits.
    published_at timestamptz,
    -- Why the queue refuses it. Such an event waits for a person, and delays no other event.
    refused text,
    CONSTRAINT signoff_outbox_published_or_refused CHECK (published_at IS NULL OR refused IS NULL)
)
-- Published rows leave dead entries in the index of waiting rows, which each claim has to skip.
WITH (autovacuum_vacuum_scale_factor = 0.01);

-- The hash of the event that `outbox.add` validated and wrote; null in rows that were written in another way.
-- While it matches the event, relays do not validate the event again. It is a separate statement for tables
-- of earlier releases; it rewrites no row.
ALTER TABLE signoff_outbox ADD COLUMN IF NOT EXISTS validated_hash bytea;

-- When the event may be published; null for at once. The review desk's approvals can be undone until then.
ALTER TABLE signoff_outbox ADD COLUMN IF NOT EXISTS due_at timestamptz;

-- Waiting rows, the oldest first: as small as the backlog, however many published rows are kept.
CREATE INDEX IF NOT EXISTS signoff_outbox_waiting ON signoff_outbox (added_at, event_id)
    WHERE published_at IS NULL AND refused IS NULL;

CREATE INDEX IF NOT EXISTS signoff_outbox_refused ON signoff_outbox (added_at, event_id)
    WHERE refused IS NOT NULL;

CREATE OR REPLACE FUNCTION signoff_outbox_notify() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('signoff_outbox', '');
    RETURN NULL;
END
$$;

-- Notifies the relays when the transaction commits. Postgres commits notifying transactions one after the
-- other. If that is too slow, run ALTER TABLE signoff_outbox DISABLE TRIGGER signoff_outbox_notify: relays
-- also poll once a second.
DO $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM pg_trigger
        WHERE tgrelid = 'signoff_outbox'::regclass AND tgname = 'signoff_outbox_notify'
    ) THEN
        CREATE TRIGGER signoff_outbox_notify AFTER INSERT ON signoff_outbox
            FOR EACH STATEMENT EXECUTE FUNCTION signoff_outbox_notify();
    END IF;
END
$$;
