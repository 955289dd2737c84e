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
