"""Node.js apps and functions: what their files ask for, and the layers that answer.

project      one package.json with its lock file, read and screened
lock         package-lock.json, screened before npm sees it (pure)
script       which scripts run, in which order (pure)
engine       which Node.js there is, and which one a project gets
npm          the tool, run so that only what the operator set reaches it; its words
modules      node_modules as a layer
function     the official functions runtime as a layer
build        a whole source tree: every project in it, and the code layer
"""
