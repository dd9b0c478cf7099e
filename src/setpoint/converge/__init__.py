"""Floor 3: again, later, retry. Observe, plan, apply, record, for every app, for ever.

Nothing here decides what ought to exist (planning does) or touches the world (drivers do).
"""
