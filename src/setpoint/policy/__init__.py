"""Floor 1: may it be accepted? Pure rules; each returns nothing, or raises a `Refused`.

What exceeds today's infrastructure is not refused here: it is accepted and told as unmet.
"""
