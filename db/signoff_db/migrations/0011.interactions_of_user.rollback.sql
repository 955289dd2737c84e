DROP INDEX IF EXISTS interactions_of_user;

CREATE INDEX interactions_of_user ON interactions (user_id, created_at, id);
