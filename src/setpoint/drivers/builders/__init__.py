"""Source archives in, layers out: the fetch stage of builds.

Here belongs what happens between an uploaded tar.gz and a slug: unpacking, screening what a
project asks for, resolving, and laying down layers by content, with bytecode in them. No code of
the project or of its dependencies runs in this room: wheels and npm's tarballs only, interpreters
started without their site packages, npm without scripts. What must run (a package without a wheel,
a build script) is laid ready here (`from_source`, `on_tree`), runs in the app's sandbox
(`drivers/local/run_stage`), and comes back as data. Node.js has a room of its own, `node/`.
What a source tree *means* is `formats/project.py`; when to build is planning's business.
"""
