-- The rules of transitions: what each version of a rule stands for, and what came out when it was tested on the past.

CREATE TABLE transition_rules (
    name text NOT NULL,
    version integer NOT NULL,
    content jsonb NOT NULL,
    first_used_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (name, version)
);

COMMENT ON TABLE transition_rules IS 'The versions of rules that runs have used; insert-only';
COMMENT ON COLUMN transition_rules.content IS
    'The rule as in the file, with the scorer and the weeks of "returned": another content needs another version';

CREATE TABLE transition_backtests (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    rule text NOT NULL,
    version integer NOT NULL,
    at date NOT NULL,
    basis text NOT NULL,
    weeks integer NOT NULL,
    passed boolean NOT NULL,
    why_not text[] NOT NULL,
    content jsonb NOT NULL,
    result jsonb NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now(),
    made_by text NOT NULL,
    CONSTRAINT transition_backtests_basis_known CHECK (basis IN ('applied', 'occurred')),
    CONSTRAINT transition_backtests_weeks_range CHECK (weeks BETWEEN 1 AND 104),
    CONSTRAINT transition_backtests_passed_or_why_not CHECK (passed = (why_not = '{}'))
);

COMMENT ON TABLE transition_backtests IS 'What rules would have done on a day in the past, and how wrong that was; insert-only';
COMMENT ON COLUMN transition_backtests.at IS 'The day at whose end the rule looked at the customers';
COMMENT ON COLUMN transition_backtests.basis IS
    'Which events it knew: those applied by then, or those that had occurred';
COMMENT ON COLUMN transition_backtests.why_not IS 'Why it did not pass; empty if it did';
COMMENT ON COLUMN transition_backtests.content IS 'The rule as it was tested, as in transition_rules';

CREATE INDEX transition_backtests_of_rule ON transition_backtests (rule, made_at);

CREATE TRIGGER transition_rules_insert_only BEFORE UPDATE OR DELETE ON transition_rules
    FOR EACH ROW EXECUTE FUNCTION signoff_forbid_change();
CREATE TRIGGER transition_rules_never_truncated BEFORE TRUNCATE ON transition_rules
    FOR EACH STATEMENT EXECUTE FUNCTION signoff_forbid_change();
CREATE TRIGGER transition_backtests_insert_only BEFORE UPDATE OR DELETE ON transition_backtests
    FOR EACH ROW EXECUTE FUNCTION signoff_forbid_change();
CREATE TRIGGER transition_backtests_never_truncated BEFORE TRUNCATE ON transition_backtests
    FOR EACH STATEMENT EXECUTE FUNCTION signoff_forbid_change();
