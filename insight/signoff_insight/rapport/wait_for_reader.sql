-- Lock the reader's row: wait until the turn that holds it has ended.
SELECT FROM feed_readers WHERE name = %(name)s FOR UPDATE
