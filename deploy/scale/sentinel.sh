#!/bin/sh
# Starts a Sentinel. What it learns is written into its file, and learnt again after a restart.
set -eu
config=/tmp/sentinel.conf
umask 077
cat > "$config" <<END
port 26379
dir /tmp
requirepass $VALKEY_PASSWORD
sentinel sentinel-pass $VALKEY_PASSWORD
sentinel resolve-hostnames yes
sentinel announce-hostnames yes
sentinel announce-ip $(hostname)
sentinel monitor trail valkey-1 6379 2
sentinel auth-pass trail $VALKEY_PASSWORD
sentinel down-after-milliseconds trail 5000
sentinel failover-timeout trail 30000
END
exec valkey-server "$config" --sentinel
