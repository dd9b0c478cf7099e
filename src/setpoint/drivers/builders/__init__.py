"""Source archives in, layers out: the fetch stage of builds.

Here belongs what happens between an uploaded tar.gz and a slug: unpacking, screening what a
project asks for, resolving, and laying down layers by content. No code of the project or of its
dependencies runs in this room: wheels only, interpreters started without their site packages. What
has no wheel is read here (`sdists`), built in the app's sandbox (`drivers/local/run_stage.py`), and
comes back as data (`from_source`).
What a source tree *means* is `formats/project.py`; when to build is planning's business.
"""
