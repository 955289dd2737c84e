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
