GRANT USAGE ON SCHEMA {schema} TO {role};
GRANT SELECT ON {schema}.contexts, {schema}.feed_readers, {schema}.rapport_state TO {role};
