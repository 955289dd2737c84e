-- An approval is added, and deleted where it is undone.
GRANT USAGE ON SCHEMA {schema} TO {role};
GRANT SELECT, INSERT, DELETE ON {outbox} TO {role};
