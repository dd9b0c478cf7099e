"""Runs one Python function inside its instance: the official runtime, unmodified, behind a
listening socket that the supervisor owns.

    <layer>/bin/python -I -u -X utf8 FOLDER --fd N --record-fd M --project DIR

Nothing but the standard library and the function's own dependency layer is there. The folder is
run by its path inside the sandbox; nothing of it stays importable for the function.

    serve        the process: arguments, exit codes
    server       accepts one connection at a time, none beyond the limit; drains
    invocation   one request: deadline, record, an answer where the runtime has none
    figures      what the supervisor is told of them
    contexts     completes what callers leave out of ce-sffncontext
    extra_info   makes x-extra-info fit to be a header
    watchdog     ends an instance whose function can't be stopped
"""
