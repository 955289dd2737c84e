-- Lock the reader's row; whoever has it ends its turn first.
SELECT FROM feed_readers WHERE name = %(name)s FOR UPDATE
