a.ltv_amount IS NOT NULL
