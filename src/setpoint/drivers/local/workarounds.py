"""The ways round what one machine cannot do, by the name of the capability that falls short."""

WORKAROUNDS = {
    "instances_max": "split the work over several process types, each with its own count",
    "memory_bytes": "choose a smaller size, as in `setpoint scale APP web=2:basic`, or fewer of "
    "them; more memory is seen at the next `setpoint up`",
}
