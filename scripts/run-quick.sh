#!/bin/sh
# Measures suite `quick` on every attached phone and on this computer. Without a phone, two virtual
# ones are started first and ended afterwards, even when the run is interrupted. A phone that cannot
# be used (not authorised, offline) is one: what to do about it is said, and the computer is measured.
set -u

started=$(mobilebench virtual up --count 2 --unless-phone --names) || exit $?
if [ -n "$started" ]; then
    echo "No phone is attached: started virtual phones $(echo $started | sed 's/ / and /')"
    # shellcheck disable=SC2086  # names hold no spaces, and each is an argument
    trap 'mobilebench virtual down --quiet $started' EXIT
    trap : INT TERM # mobilebench itself ends the run cleanly; the phones are ended after it
fi
mobilebench run --serial all --suite quick
ended=$?
# 4: all was measured and some cases are suspect, which the table says; make would call it an error.
[ "$ended" -eq 4 ] || exit "$ended"
