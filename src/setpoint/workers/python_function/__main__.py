"""Loads the folder it lies in as a package of its own name, so that no module of a function can be
mistaken for one of ours, and ours are not on the function's search path."""

import importlib.util
import os
import sys

NAME = "setpoint_python_function"


def load() -> None:
    folder = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry) != folder]
    spec = importlib.util.spec_from_file_location(
        NAME, os.path.join(folder, "__init__.py"), submodule_search_locations=[folder]
    )
    package = importlib.util.module_from_spec(spec)
    sys.modules[NAME] = package
    spec.loader.exec_module(package)


load()
role = "zygote" if sys.argv[1:2] == ["zygote"] else "serve"
sys.exit(importlib.import_module(f"{NAME}.{role}").main())
