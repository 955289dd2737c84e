-- What operators did to dead letters, and why; never changed.
-- depends: 0005.dead_letters

CREATE TABLE operator_actions (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    actor text NOT NULL,
    acted_at timestamptz NOT NULL DEFAULT now(),
    action text NOT NULL,
    dead_letter_ids bigint[] NOT NULL,
    reason text,
    before jsonb,
    after jsonb,
    CONSTRAINT operator_actions_action_known CHECK (action IN ('replay', 'edit', 'discard'))
);

CREATE INDEX operator_actions_of_letter ON operator_actions USING gin (dead_letter_ids);

CREATE TRIGGER operator_actions_insert_only BEFORE UPDATE OR DELETE ON operator_actions
    FOR EACH ROW EXECUTE FUNCTION signoff_forbid_change();
