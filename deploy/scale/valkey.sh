#!/bin/sh
# Starts a Valkey that keeps nothing. The first one begins as master; Sentinel says who it is from then on, and makes a
# replica of one that comes back.
set -eu
config=/tmp/valkey.conf
umask 077
cat > "$config" <<END
requirepass $VALKEY_PASSWORD
masterauth $VALKEY_PASSWORD
save ""
appendonly no
maxmemory 256mb
maxmemory-policy noeviction
replica-announce-ip $(hostname)
END
[ "$(hostname)" = valkey-1 ] || echo 'replicaof valkey-1 6379' >> "$config"
exec valkey-server "$config"
