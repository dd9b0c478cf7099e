#!/bin/sh
# What somebody on call wants to know of an app, one command for each question:
#   examples/on-call.sh shop
# SETPOINT: how `setpoint` is called here, if it is not on the PATH.
app=${1:?"usage: $0 APP"}
setpoint=${SETPOINT:-setpoint}

ask() {
    printf '\n== %s\n$ setpoint %s\n' "$1" "$2"
    # shellcheck disable=SC2086 # words are meant to be split
    $setpoint $2
}

ask "1 who set this value, when, from what?" "why $app web.max"
ask "2 why this value?" "why $app web.max"
ask "3 on what bet, and when is it looked at again?" "why $app web.max"
ask "4 what would change if it were undone now?" "why $app web.max --undo"
ask "5 what changed since I looked, on what is mine?" "digest --keep"
ask "8 which bets are overdue or lost?" "bets --due"
ask "9 what is wanted and cannot be had?" "gaps"
ask "10 when was it live, and were we right?" "timeline $app"
ask "12 which explanations are stale?" "why $app --stale"
exit 0
