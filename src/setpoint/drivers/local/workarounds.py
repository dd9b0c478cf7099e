"""The ways round what one machine cannot do, by the name of the capability that falls short."""

WORKAROUNDS = {
    "instances_max": "split the work over several process types, each with its own count",
    "memory_bytes": "choose a smaller size, as in `setpoint scale APP web=2:basic`, or fewer of "
    "them; more is seen within seconds, a larger SETPOINT_MEMORY_MIB at the next `setpoint up`",
    "sizes": "choose the nearest, as in `setpoint scale APP web=1:basic`",
    "egress": "run Setpoint as root (level L3) on a kernel that filters and forwards link by link; "
    "`setpoint doctor` says what is missing",
    "level": "run Setpoint as root for L3, as an ordinary user with bubblewrap for L2; "
    "`setpoint doctor` says what is missing. Or let less do: `setpoint isolation APP any`",
    "regions": "the operator says where the machine stands: SETPOINT_REGION=eu at `setpoint up`; "
    'or ask for none: `PATCH /apps/APP {"region": ""}`',
    "tls_hosts": "bring a certificate of your own: `heroku certs:add CRT KEY -a APP`",
    "java_versions": "rewrite what runs on Java in Python or JavaScript, or run it elsewhere and "
    "call it; a buildpack may bring a Java of its own: `setpoint buildpacks APP --set ...`",
    "python_version": "name the one that is offered, or none; the operator may offer another "
    "with SETPOINT_PYTHON, on which everything is built anew",
    "node_versions": "name a range that takes one of those offered (`setpoint doctor`), and deploy",
}
