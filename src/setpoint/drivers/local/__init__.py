"""One machine as infrastructure: the supervisor's parts, and the daemon's client of it.

The supervisor is one process (`processes.supervisor` puts it together):

    control      its door: framing, who may call, streams       requests   which part does what
    supervise    the table's keeper: facts change -> decide     hands      carries acts out
    facts        how facts change (pure)                        table      sets and what runs
    launching    order -> instance                              running    one instance, watched
    recipe       command, environment, binds (pure)             readiness  when it counts as ready
    adoption     taking over from the supervisor before         records, orders, names, lasting
    sockets      queues of functions                            shelf      what the keeper holds
    pipes, lines, logs, dyno_lines   output of apps             builds     builder processes
    run_stage    what runs an app's code for its build          errands, handovers, outlet, trees
    vetting      what root refuses to be told                   sandbox/   the walls themselves

The daemon's side: `client` (the Driver), `tails` (streams). Decisions live in `planning`.
"""
