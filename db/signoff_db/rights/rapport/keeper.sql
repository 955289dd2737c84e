GRANT USAGE ON SCHEMA {schema} TO {role};
GRANT SELECT, INSERT, UPDATE, DELETE ON {schema}.contexts TO {role};
GRANT SELECT, INSERT, UPDATE ON {schema}.feed_readers, {schema}.rapport_state TO {role};
