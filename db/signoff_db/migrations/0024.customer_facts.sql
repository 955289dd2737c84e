-- What the ledger means: one row a customer, with its purchases, its spells in each status, and the approvals that
-- may have led to a conversion. `signoff insight run` computes them anew for each customer with new events; they can
-- be rebuilt from the ledger at any time (insight/signoff_insight/facts).
--
-- Days and months are those of SIGNOFF_TIMEZONE.

-- The statuses in the order of the funnel.
CREATE TYPE signoff_status AS ENUM ('PROSPECT', 'LEAD_QUALIFIED', 'CUSTOMER', 'CHURNED', 'LEAD_EXHAUSTED');

CREATE TABLE customer_facts (
    user_id text PRIMARY KEY,
    customer bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    customer_status signoff_status NOT NULL DEFAULT 'PROSPECT',
    ltv_usd numeric(14,2) NOT NULL DEFAULT 0,
    approvals integer NOT NULL DEFAULT 0,
    first_event_at timestamptz,
    last_event_at timestamptz,
    -- The first approval.
    first_approval_at timestamptz,
    first_reviewer_id text,
    first_tags integer NOT NULL DEFAULT 0,
    first_cta text,
    -- The funnel.
    prospect_at timestamptz,
    qualified_at timestamptz,
    customer_at timestamptz,
    churned_at timestamptz,
    lost_as_prospect_at timestamptz,
    lost_as_lead_at timestamptz,
    -- Purchases.
    first_purchase_on date,
    last_purchase_on date,
    purchase_days integer NOT NULL DEFAULT 0,
    purchases integer NOT NULL DEFAULT 0,
    spent_usd numeric(14,2) NOT NULL DEFAULT 0
)
-- Room for the next version of a row on its own page: then no index changes.
WITH (fillfactor = 80);

COMMENT ON TABLE customer_facts IS 'One row for each customer with an event, computed from the ledger';
COMMENT ON COLUMN customer_facts.customer IS 'The number by which the other tables of facts name the customer';
COMMENT ON COLUMN customer_facts.ltv_usd IS 'The folded LTV, as in customers';
COMMENT ON COLUMN customer_facts.first_tags IS
    'The edit tags of the first approval: bit n is the nth code of the taxonomy, from 0';
COMMENT ON COLUMN customer_facts.first_cta IS 'The label of the first approval''s cta_data, see signoff_cta_label';
COMMENT ON COLUMN customer_facts.prospect_at IS
    'When it became a prospect: its first event; null if another system knew it in a later status before';
COMMENT ON COLUMN customer_facts.qualified_at IS
    'When it first was LEAD_QUALIFIED or CUSTOMER; null without prospect_at';
COMMENT ON COLUMN customer_facts.customer_at IS
    'When it first was CUSTOMER; null if another system knew it as CUSTOMER, CHURNED or LEAD_EXHAUSTED before';
COMMENT ON COLUMN customer_facts.churned_at IS
    'When it first was CHURNED after customer_at; null without that';
COMMENT ON COLUMN customer_facts.lost_as_prospect_at IS
    'When it first was CHURNED or LEAD_EXHAUSTED, if that was before qualified_at; null without prospect_at';
COMMENT ON COLUMN customer_facts.lost_as_lead_at IS
    'When it first was CHURNED or LEAD_EXHAUSTED after qualified_at, if that was before customer_at';
COMMENT ON COLUMN customer_facts.spent_usd IS 'The sum of its purchases; the folded LTV may be another number';

-- A purchase is an event with an amount after which its interaction's status is CUSTOMER.
CREATE TABLE customer_purchases (
    customer bigint NOT NULL,
    purchased_on date NOT NULL,
    cohort date NOT NULL,
    age_months smallint NOT NULL,
    is_first_of_month boolean NOT NULL,
    purchases integer NOT NULL,
    spent_usd numeric(14,2) NOT NULL,
    PRIMARY KEY (customer, purchased_on)
);

COMMENT ON TABLE customer_purchases IS 'The purchases of customers, one row a day';
COMMENT ON COLUMN customer_purchases.cohort IS 'The first day of the month of the customer''s first purchase';
COMMENT ON COLUMN customer_purchases.age_months IS 'Whole months since the day of the customer''s first purchase';
COMMENT ON COLUMN customer_purchases.is_first_of_month IS 'Whether it is the first day with a purchase at this age';

CREATE TABLE customer_spells (
    customer bigint NOT NULL,
    place integer NOT NULL,
    customer_status signoff_status NOT NULL,
    began_at timestamptz,
    ended_at timestamptz,
    next_status signoff_status,
    PRIMARY KEY (customer, place)
);

COMMENT ON TABLE customer_spells IS 'The times that customers spent in one status, in order (place, from 0)';
COMMENT ON COLUMN customer_spells.began_at IS 'Null if another system gave the status before';
COMMENT ON COLUMN customer_spells.ended_at IS 'Null if the customer has the status now';

-- Columns of a fixed size come first: charts read all rows.
CREATE TABLE customer_exposures (
    customer bigint NOT NULL,
    exposed_at timestamptz NOT NULL,
    place integer NOT NULL,
    tags integer NOT NULL,
    customer_status signoff_status NOT NULL,
    is_first boolean NOT NULL,
    converted_after integer,
    reviewer_id text,
    cta text,
    PRIMARY KEY (customer, place)
);

COMMENT ON TABLE customer_exposures IS
    'The approvals that showed a customer, who was not CUSTOMER, something new: the first approval in a status, and '
    'in that status the first with a tag, a reviewer or a CTA';
COMMENT ON COLUMN customer_exposures.customer_status IS 'The customer''s status after the approval';
COMMENT ON COLUMN customer_exposures.is_first IS 'Whether it is the first approval in this status';
COMMENT ON COLUMN customer_exposures.tags IS 'The tags that are new in this status, as in customer_facts.first_tags';
COMMENT ON COLUMN customer_exposures.reviewer_id IS 'Null if this reviewer approved in this status before';
COMMENT ON COLUMN customer_exposures.cta IS 'Null if there is none, or the customer saw it in this status before';
COMMENT ON COLUMN customer_exposures.converted_after IS
    'Days, rounded up, until a later event made the customer CUSTOMER; null if none did';

-- What the facts were computed with, and how far a rebuild is. One row.
CREATE TABLE insight_state (
    only_row boolean PRIMARY KEY DEFAULT true,
    timezone text NOT NULL,
    definitions integer NOT NULL,
    detached integer NOT NULL,
    rebuilt_upto text,
    customers_rebuilt bigint NOT NULL DEFAULT 0,
    customers_to_rebuild bigint NOT NULL DEFAULT 0,
    rebuilt_at timestamptz,
    data_until timestamptz,
    CONSTRAINT insight_state_only_row CHECK (only_row)
);

COMMENT ON COLUMN insight_state.definitions IS 'The version of the definitions: another one means a rebuild';
COMMENT ON COLUMN insight_state.detached IS 'How many partitions of the ledger had been detached';
COMMENT ON COLUMN insight_state.rebuilt_upto IS 'The last customer of the rebuild under way, in order of user_id';
COMMENT ON COLUMN insight_state.rebuilt_at IS 'When the last rebuild ended; null while one is under way';
COMMENT ON COLUMN insight_state.data_until IS 'When the latest event occurred that the facts hold';

-- The edit tags as bits, in the order of the taxonomy (EditTag in schemas). A sum of cases, which Postgres puts into the
-- query that calls it: much faster than a query over the tags.
CREATE FUNCTION signoff_tag_bits(edit_tags text[]) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN 'CTA_SOFT' = ANY (edit_tags) THEN 1 ELSE 0 END
        | CASE WHEN 'CTA_MEDIUM' = ANY (edit_tags) THEN 2 ELSE 0 END
        | CASE WHEN 'CTA_DIRECT' = ANY (edit_tags) THEN 4 ELSE 0 END
        | CASE WHEN 'REDUCED_CRINGE' = ANY (edit_tags) THEN 8 ELSE 0 END
        | CASE WHEN 'INCREASED_FLIRT' = ANY (edit_tags) THEN 16 ELSE 0 END
        | CASE WHEN 'ENGLISH_SLANG' = ANY (edit_tags) THEN 32 ELSE 0 END
        | CASE WHEN 'TEXT_SPEAK' = ANY (edit_tags) THEN 64 ELSE 0 END
        | CASE WHEN 'STRUCT_SHORTEN' = ANY (edit_tags) THEN 128 ELSE 0 END
        | CASE WHEN 'STRUCT_BUBBLE' = ANY (edit_tags) THEN 256 ELSE 0 END
        | CASE WHEN 'CONTENT_EMOJI_ADD' = ANY (edit_tags) THEN 512 ELSE 0 END
        | CASE WHEN 'CONTENT_EMOJI_CUT' = ANY (edit_tags) THEN 1024 ELSE 0 END
        | CASE WHEN 'CONTENT_QUESTION' = ANY (edit_tags) THEN 2048 ELSE 0 END
        | CASE WHEN 'CONTENT_QUESTION_CUT' = ANY (edit_tags) THEN 4096 ELSE 0 END
        | CASE WHEN 'CONTENT_REWRITE' = ANY (edit_tags) THEN 8192 ELSE 0 END
        | CASE WHEN 'CONTENT_SENTENCE_ADD' = ANY (edit_tags) THEN 16384 ELSE 0 END
        | CASE WHEN 'TONE_LESS_IA' = ANY (edit_tags) THEN 32768 ELSE 0 END
        | CASE WHEN 'TONE_ROMANTIC_UP' = ANY (edit_tags) THEN 65536 ELSE 0 END
        | CASE WHEN 'TONE_CASUAL' = ANY (edit_tags) THEN 131072 ELSE 0 END
        | CASE WHEN 'TONE_FLIRT_UP' = ANY (edit_tags) THEN 262144 ELSE 0 END
        | CASE WHEN 'TONE_CRINGE_DOWN' = ANY (edit_tags) THEN 524288 ELSE 0 END
        | CASE WHEN 'TONE_ENERGY_UP' = ANY (edit_tags) THEN 1048576 ELSE 0 END
$$;

-- What charts call a CTA: the text of its member type, else kind or name; without them, 'other'.
CREATE FUNCTION signoff_cta_label(cta_data jsonb) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN cta_data IS NOT NULL AND cta_data <> '{}' THEN
        coalesce(left(nullif(btrim(coalesce(
            cta_data ->> 'type', cta_data ->> 'kind', cta_data ->> 'name')), ''), 60), 'other') END
$$;

-- A status as a number, in the order of the type signoff_status from 1; null for another text.
CREATE FUNCTION signoff_status_number(status text) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT array_position(ARRAY['PROSPECT', 'LEAD_QUALIFIED', 'CUSTOMER', 'CHURNED', 'LEAD_EXHAUSTED'], status)
$$;

CREATE FUNCTION signoff_status_of(number bigint) RETURNS signoff_status LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT (ARRAY['PROSPECT', 'LEAD_QUALIFIED', 'CUSTOMER', 'CHURNED', 'LEAD_EXHAUSTED']::signoff_status[])[number]
$$;

-- Whole months from one day to a later one.
CREATE FUNCTION signoff_whole_months(since date, until date) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT ((extract(year FROM until) - extract(year FROM since)) * 12
        + extract(month FROM until) - extract(month FROM since)
        - CASE WHEN extract(day FROM until) < extract(day FROM since) THEN 1 ELSE 0 END)::integer
$$;
