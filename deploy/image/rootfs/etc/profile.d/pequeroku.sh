# A login starts where the work is.
if [ "$PWD" = "$HOME" ] && [ -d /app ]; then cd /app || return; fi
