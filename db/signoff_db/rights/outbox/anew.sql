REVOKE ALL ON {outbox} FROM {role};
