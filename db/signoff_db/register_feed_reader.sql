-- Make the row of a reader, unless it is there.
INSERT INTO feed_readers (name, position, is_copy) VALUES (%(name)s, %(position)s, %(is_copy)s)
ON CONFLICT (name) DO NOTHING
