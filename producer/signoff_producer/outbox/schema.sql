-- The transactional outbox: approval events on their way to Signoff, written in the transaction of the
-- business change that caused them. It lives in the upstream's own database; put it into its
-- migrations, or run `signoff outbox create`. Running it again changes nothing, or brings a table that
-- an earlier release made up to date.
--
-- Any language adds an event with INSERT INTO signoff_outbox (event) VALUES (its JSON).
CREATE TABLE IF NOT EXISTS signoff_outbox (
    -- Taken from the event, so that the two cannot differ; no event is there twice.
    event_id uuid GENERATED ALWAYS AS ((event::jsonb ->> 'event_id')::uuid) STORED PRIMARY KEY,
    event text NOT NULL,
    added_at timestamptz NOT NULL DEFAULT now(),
    -- When `signoff relay` put it on the queue; null while it waits.
    published_at timestamptz,
    -- Why the queue refuses it; such an event waits for a person, and holds up no other.
    refused text,
    CONSTRAINT signoff_outbox_published_or_refused CHECK (published_at IS NULL OR refused IS NULL)
)
-- Published rows leave dead entries in the index of what waits, which looks for more must pass.
WITH (autovacuum_vacuum_scale_factor = 0.01);

-- The hash of the event as `outbox.add` validated and wrote it; null in rows that others write. While the
-- event still is that very text, relays do not validate it again. Added apart, so that a table which an
-- earlier release made gains it too: no row is written anew.
ALTER TABLE signoff_outbox ADD COLUMN IF NOT EXISTS validated_hash bytea;

-- What waits, the oldest first: as small as the backlog, however many published rows are kept.
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

-- Wakes the relays when the transaction commits. Postgres lets notifying transactions commit one after
-- the other; where that is too slow, ALTER TABLE signoff_outbox DISABLE TRIGGER signoff_outbox_notify,
-- and relays find new events when they look, once a second.
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
