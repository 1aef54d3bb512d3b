#!/usr/bin/env bash
# Demonstration: run.sh UWSGI WORKDIR builds the plugin in WORKDIR and lets evscale scale real workers under a scripted
# load. pkg-config must find evscale. A second counts as ten, so that half a minute shows minutes. Fails unless the
# workers become many in the rush and fewer after it.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
uwsgi=$1 work=$2
mkdir -p "$work"
cd "$work"
"$uwsgi" --build-plugin "$here" > build.log 2>&1 || { cat build.log; exit 1; }
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$uwsgi" --plugins-dir "$work" --plugin cheaper_evscale --http-socket "127.0.0.1:$port" --chdir "$here" --wsgi-file app.py \
    --need-app --master --die-on-term --disable-logging --workers 12 --cheaper 1 --cheaper-initial 1 \
    --cheaper-algo evscale --cheaper-evscale-speed 10 --cheaper-evscale-config '"job_startup_seconds": 10,
    "sla_wait_seconds": 10, "scale_down_stabilization_seconds": 30, "cooldown_down_seconds": 10, "max_step_down_jobs": 4' \
    > server.log 2>&1 &
server=$!
trap 'kill -KILL $server 2> /dev/null || true' EXIT
for _ in $(seq 100); do ! grep -q "spawned uWSGI worker" server.log || break; sleep 0.1; done

workers() { awk '/spawned uWSGI worker|^Respawned/ { n++ } /cheaped/ { n-- } END { print n + 0 }' server.log; }

# press RATE SECONDS TEST NUMBER: sends requests for so long, and on until the number of workers passes the test.
press() {
    python3 "$here/load.py" "$port" "$1:$2"
    for _ in $(seq 40); do
        [ ! "$(workers)" "$3" "$4" ] || return 0
        python3 "$here/load.py" "$port" "$1:1"
    done
    cat server.log
    echo "$(workers) workers, expected $3 $4"
    return 1
}
press 5 4 -ge 1
press 40 6 -ge 4
most=$(workers)
press 3 6 -lt "$most"
least=$(workers)
kill -TERM "$server"
wait "$server" || true
grep -E "\[evscale\]|spawned uWSGI worker|cheaped" server.log
echo "$most workers in the rush, $least after it"
