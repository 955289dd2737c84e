-- A part of what a letter holds of its payload; bytes are counted from 1.
SELECT substring(payload FROM %(start)s FOR %(length)s) FROM dead_letters WHERE id = %(letter)s
