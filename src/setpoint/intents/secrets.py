"""A new value to seal: the reference that a document holds."""

from setpoint.intents.door import Door
from setpoint.model.app import SecretRef


def next_ref(door: Door, before: SecretRef | None) -> SecretRef:
    """Each value has an id of its own, so a version set twice at once can't be one row."""
    return SecretRef(door.new_id(), before.version + 1 if before is not None else 1)
