"""A function on its developer's own machine: no supervisor and no sandbox, but the worker and the
packages that it has when it is deployed.

    runtime    what it runs on: layers as a build lays them, in a cache of the developer's
    worker     one process of it, from its start to its end
    watching   which of its files have changed
    serving    all of it together: serve, notice, begin anew
"""
