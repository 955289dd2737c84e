SELECT EXISTS (SELECT FROM operation_runners WHERE seen_at > now() - %(within)s::interval)
