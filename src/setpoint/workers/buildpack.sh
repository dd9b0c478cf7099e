#!/bin/bash
# Runs one classic buildpack on the folder we are in, inside the app's sandbox.
#
#   buildpack compile NAME    bin/detect BUILD, then bin/compile BUILD CACHE ENV_DIR
#   buildpack release NAME    bin/release BUILD, kept for whoever names the processes
#
# NAME is a folder of packs/ in the layer this file lies in. Config vars come with a prefix and go
# to ENV_DIR, a file each: so none of them changes how anything runs in here.
set -uo pipefail

layer=$(dirname "$(dirname "$(readlink -f "$0")")")
verb=$1 pack=$2
state=/tmp/buildpacks
here=$state/$pack
env=$state/env
cache=$HOME/buildpacks

fail() {
    echo "$*" >&2
    exit 1
}

config() {
    mkdir -p "$env"
    local name
    for name in ${!SETPOINT_CONFIG_@}; do
        printf '%s' "${!name}" >"$env/${name#SETPOINT_CONFIG_}"
        unset "$name"
    done
}

program() {
    [ -f "$here/bin/$1" ] || fail "$pack is no buildpack: it has no bin/$1"
    [ -x "$here/bin/$1" ] || fail "bin/$1 of $pack may not be run: make it executable"
}

compile() {
    mkdir -p "$state" "$cache"
    cp -r "$layer/packs/$pack" "$here"
    program detect
    program compile
    local name
    name=$("$here/bin/detect" "$PWD") || fail "$pack is not for this app: its bin/detect says no"
    echo "-----> ${name:-$pack} app detected"
    "$here/bin/compile" "$PWD" "$cache" "$env" || fail "bin/compile of $pack ended with code $?"
    [ ! -f "$here/export" ] || cat "$here/export" >>"$state/exports"
}

release() {
    mkdir -p .setpoint
    [ -x "$here/bin/release" ] || exit 0
    "$here/bin/release" "$PWD" >.setpoint/release.yml || fail "bin/release of $pack failed"
}

config
set +u
# shellcheck disable=SC1091
[ ! -f "$state/exports" ] || . "$state/exports"
"$verb"
