-- Reconciles, prunes, moves refused events to the dead letters; a proposal that is approved is added.
GRANT USAGE ON SCHEMA {schema} TO {role};
GRANT SELECT, INSERT, UPDATE, DELETE ON {outbox} TO {role};
