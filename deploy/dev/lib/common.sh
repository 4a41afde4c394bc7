# shellcheck shell=bash
# What every service needs: where things lie, ports, processes, waiting.

root=$(realpath "${BASH_SOURCE[0]%/*}/../../..")
etc=$root/deploy/dev/etc
state=$(realpath -m "${GOLD_LABEL_STATE:-$root/build/dev}")
bin=$(realpath -m "${GOLD_LABEL_BIN:-$root/build/bin}")
start_timeout=${GOLD_LABEL_START_TIMEOUT:-60} # seconds; 0: worker and ingress are not waited for
stop_timeout=${GOLD_LABEL_STOP_TIMEOUT:-40}   # seconds
stack=deploy/dev/stack

# A service's lib/<service>.sh has the functions <service>_launch, _await, _mark, _address and _stop_signal.
services=(kafka postgres worker ingress)

# Nothing here goes over a proxy, or to the PostgreSQL that a developer's own settings name.
export no_proxy=127.0.0.1${no_proxy:+,$no_proxy}
unset PGHOST PGHOSTADDR PGPORT PGDATABASE PGUSER PGPASSWORD PGSERVICE PGSSLMODE PGOPTIONS

say() {
    printf '%s\n' "$*"
}

fail() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# Writes standard input to a file that only its owner may read, all at once.
write_private() { # path
    (umask 077 && cat >"$1.new")
    mv -f "$1.new" "$1"
}

random_hex() { # bytes
    od -An -N"$1" -tx1 /dev/urandom | tr -d ' \n'
}

# ---- ports ----

port_names=(KAFKA_PORT KAFKA_CONTROLLER_PORT POSTGRES_PORT WORKER_ADMIN_PORT INGRESS_PORT INGRESS_ADMIN_PORT)

port_is_open() { # port
    (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# Below 32768, where Linux takes the ports of outgoing connections from: a service that is down must find its port again.
choose_port() {
    local port
    while true; do
        port=$((10000 + RANDOM % 22000))
        if [[ " $* " != *" $port "* ]] && ! port_is_open "$port"; then
            echo "$port"
            return
        fi
    done
}

# Chosen at the first start and kept, so that a restarted service has its old address.
load_ports() {
    local name taken=()
    if [[ ! -e $state/ports ]]; then
        for name in "${port_names[@]}"; do
            taken+=("$(choose_port "${taken[@]}")")
            echo "$name=${taken[-1]}"
        done | write_private "$state/ports"
    fi
    # shellcheck source=/dev/null
    source "$state/ports"
}

require_free_port() { # service port
    port_is_open "$2" || return 0
    fail "$1 has port $2, but another program listens on it. End that program, or choose new ports:" \
        "$stack stop && rm '$state/ports'"
}

# ---- processes ----

pid_of() { # service
    cat "$state/$1.pid" 2>/dev/null
}

# True when the service's process lives. The pid may have been given to another program since: the command line tells.
running() { # service
    local pid args mark
    pid=$(pid_of "$1") && mark=$("$1_mark") || return 1
    mapfile -d '' -t args 2>/dev/null <"/proc/$pid/cmdline" || return 1
    [[ " ${args[*]} " == *" $mark "* ]]
}

# False also for a zombie: not every machine's first process collects the dead at once. A thread that still runs keeps ports.
alive() { # pid
    local line fields
    read -r line 2>/dev/null <"/proc/$1/stat" || return 1
    read -ra fields <<<"${line##*) }"
    [[ ${fields[0]} != [ZX] ]] || ((fields[17] > 1))
}

# Starts a program in a session of its own, its output going to the service's log. The shell has SIGINT and SIGQUIT ignored for
# what it starts in the background; the services shall have them. They shall not have the brokers of another system's file "env".
launch() { # service command…
    local service=$1 log=$state/$1.log
    shift
    touch "$log"
    stat -c %s "$log" >"$log.start"
    setsid env --default-signal=INT,QUIT -u GOLD_LABEL_KAFKA_BROKERS "$@" </dev/null >>"$log" 2>&1 9>&- &
    echo $! >"$state/$service.pid"
}

# What the service has logged since launch().
log_since_launch() { # service
    tail -c "+$(($(cat "$state/$1.log.start" 2>/dev/null || echo 0) + 1))" "$state/$1.log"
}

# Polls a condition until it holds. Gives up, with the end of the log, when the service has died or the time is over.
await() { # service condition…
    local service=$1 limit=$((start_timeout > 0 ? start_timeout : 60)) deadline pid
    shift
    deadline=$((SECONDS + limit))
    pid=$(pid_of "$service")
    until "$@"; do
        alive "$pid" || give_up "$service" "$service ended while it was starting."
        ((SECONDS < deadline)) || give_up "$service" "$service is not ready after $limit s."
        sleep 0.1
    done
}

give_up() { # service sentence
    {
        printf 'error: %s The end of its log, %s:\n' "$2" "$state/$1.log"
        log_since_launch "$1" | tail -n 20 | sed 's/^/  | /'
    } >&2
    exit 1
}

# Waits until none of the processes lives. False when the time is over.
await_end() { # seconds pid…
    local deadline=$((SECONDS + $1)) pid
    shift
    for pid; do
        while alive "$pid"; do
            ((SECONDS < deadline)) || return 1
            sleep 0.05
        done
    done
}
