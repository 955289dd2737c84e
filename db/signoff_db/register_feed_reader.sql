-- Make the row of a reader, unless it is there.
INSERT INTO feed_readers (name, position) VALUES (%(name)s, %(position)s) ON CONFLICT (name) DO NOTHING
