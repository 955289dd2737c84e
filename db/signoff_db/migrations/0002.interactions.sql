-- The interactions: the state of each reviewed reply. The table may exist already, with rows: then
-- missing columns are added, and no value is changed. `adoption.py` has checked that it can be adopted.

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

DO $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM pg_index
        JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[0]
        WHERE indrelid = 'interactions'::regclass AND attname = 'id' AND indnkeyatts = 1
            AND indisunique AND indimmediate AND indisvalid AND indpred IS NULL
    ) THEN
        ALTER TABLE interactions ADD CONSTRAINT interactions_signoff_id UNIQUE (id);
    END IF;
END
$$;

-- New values must be in the closed sets. Other values that rows of an adopted table hold already stay
-- allowed: else the upstream's next change of such a row would be refused. The fold treats an unknown status
-- as PROSPECT.
DO $$
#variable_conflict use_variable
DECLARE
    most CONSTANT integer := 100;
    statuses text[] := '{PROSPECT,LEAD_QUALIFIED,CUSTOMER,CHURNED,LEAD_EXHAUSTED}';
    tags text[] := '{CTA_SOFT,CTA_MEDIUM,CTA_DIRECT,REDUCED_CRINGE,INCREASED_FLIRT,ENGLISH_SLANG,TEXT_SPEAK,'
        'STRUCT_SHORTEN,STRUCT_BUBBLE,CONTENT_EMOJI_ADD,CONTENT_EMOJI_CUT,CONTENT_QUESTION,'
        'CONTENT_QUESTION_CUT,CONTENT_REWRITE,CONTENT_SENTENCE_ADD,TONE_LESS_IA,TONE_ROMANTIC_UP,TONE_CASUAL,'
        'TONE_FLIRT_UP,TONE_CRINGE_DOWN,TONE_ENERGY_UP}';
    other_statuses CONSTANT text[] := ARRAY(
        SELECT DISTINCT customer_status FROM interactions WHERE customer_status <> ALL (statuses) LIMIT most);
    other_tags CONSTANT text[] := ARRAY(
        SELECT DISTINCT held.tag FROM interactions, unnest(edit_tags) AS held (tag)
        WHERE held.tag <> ALL (tags) LIMIT most);
    other_scores CONSTANT bigint[] := ARRAY(
        SELECT DISTINCT quality_score FROM interactions WHERE quality_score NOT BETWEEN 1 AND 5 LIMIT most);
BEGIN
    IF most IN (cardinality(other_statuses), cardinality(other_tags), cardinality(other_scores)) THEN
        RAISE EXCEPTION 'interactions holds % or more different values of % that Signoff does not know, such as %',
            most,
            CASE most WHEN cardinality(other_statuses) THEN 'customer_status'
                WHEN cardinality(other_tags) THEN 'edit_tags' ELSE 'quality_score' END,
            CASE most WHEN cardinality(other_statuses) THEN other_statuses[1]
                WHEN cardinality(other_tags) THEN other_tags[1] ELSE other_scores[1]::text END
            USING HINT = 'Give the column another name, so that Signoff adds its own, and migrate again';
    END IF;
    statuses := statuses || other_statuses;
    tags := tags || other_tags;
    EXECUTE format('ALTER TABLE interactions'
        ' ADD CONSTRAINT interactions_customer_status_known CHECK (customer_status IN (%s)),'
        ' ADD CONSTRAINT interactions_quality_score_range CHECK (quality_score BETWEEN 1 AND 5%s),'
        ' ADD CONSTRAINT interactions_edit_tags_known CHECK (edit_tags <@ ARRAY[%s]::text[])',
        (SELECT string_agg(quote_literal(s), ', ') FROM unnest(statuses) AS s),
        (SELECT ' OR quality_score IN (' || string_agg(s::text, ', ') || ')' FROM unnest(other_scores) AS s),
        (SELECT string_agg(quote_literal(t), ', ') FROM unnest(tags) AS t));
END
$$;

-- A user's interactions, the most recently created last. The id is not a key column: a plan that was
-- made while the table was empty could find an interaction by a scan of this whole index.
CREATE INDEX interactions_of_user ON interactions (user_id, created_at NULLS FIRST) INCLUDE (id);
