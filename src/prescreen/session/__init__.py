"""Live sessions: facts of a candidate that come in one by one, statuses told as they change.

Not built yet. This is their place, and the only one that may know durable-rules: a screening, which is all that there
is so far, never imports it.
"""
