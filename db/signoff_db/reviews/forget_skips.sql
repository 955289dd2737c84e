DELETE FROM review_skips WHERE reviewer = %(reviewer)s AND until <= now()
