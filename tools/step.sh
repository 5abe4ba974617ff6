#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Run a command under a heading, and say how long it took; the exit code is the command's.
#
#   tools/step.sh "Heading" command [arguments]
heading=$1
shift
printf '\033[1m==>\033[0m %s\n' "$heading"
start=$SECONDS
"$@"
code=$?
if [ $code -ne 0 ]; then
    printf '==> FAILED (exit code %d, %d s): %s\n' $code $((SECONDS - start)) "$heading" >&2
else
    printf '    %s: %d s\n' "$heading" $((SECONDS - start)) >&2
fi
exit $code
