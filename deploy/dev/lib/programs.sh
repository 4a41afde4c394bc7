# shellcheck shell=bash
# What worker and ingress have in common: keys, tokens, waiting for /readyz.

JWT_ISSUER=gold-label-dev
JWT_AUDIENCE=gold-label-api
WORKER_AUDIENCE=gold-label-worker
JWT_KEY_ID=user
JWT_KEY_FILE=$state/user.key
ACCOUNT_ID=demo
ingress_key_file=$state/ingress.key

# HS256 secrets of the users' tokens and of those the ingress signs.
make_keys() {
    local file
    for file in "$JWT_KEY_FILE" "$ingress_key_file"; do
        [[ -e $file ]] || head -c 32 /dev/urandom | write_private "$file"
    done
}

demo_token() {
    [[ ! -x $bin/gold-label ]] ||
        "$bin/gold-label" token --key-file "$JWT_KEY_FILE" --kid "$JWT_KEY_ID" --issuer "$JWT_ISSUER" \
            --audience "$JWT_AUDIENCE" --account "$ACCOUNT_ID" --subject developer --ttl 24h --algorithm HS256
}

# What tests and people need to talk to the system; `source` alone is enough for the producer tool. Every line begins with NAME=VALUE,
# for who reads it without a shell.
write_env() {
    local name value
    INGRESS_URL=http://127.0.0.1:$INGRESS_PORT
    ADMIN_URL=http://127.0.0.1:$INGRESS_ADMIN_PORT
    WORKER_ADMIN_URL=http://127.0.0.1:$WORKER_ADMIN_PORT
    KAFKA_BROKERS=$(kafka_address)
    DATABASE_URL=$(owner_url)
    TOKEN=$(demo_token)
    {
        for name in INGRESS_URL ADMIN_URL WORKER_ADMIN_URL KAFKA_BROKERS DATABASE_URL ACCOUNT_ID RUN_ID TOKEN \
            JWT_KEY_FILE JWT_KEY_ID JWT_ISSUER JWT_AUDIENCE WORKER_AUDIENCE; do
            value=${!name}
            printf '%s=%s\n' "$name" "${value@Q}"
        done
        printf '%s=%s && export %s\n' GOLD_LABEL_KAFKA_BROKERS "${KAFKA_BROKERS@Q}" GOLD_LABEL_KAFKA_BROKERS
    } | write_private "$state/env"
}

# True when the program was built anew since it was started.
outdated() { # service
    local exe
    exe=$(readlink "/proc/$(pid_of "$1")/exe") || return 1
    [[ $exe == "$bin/gold-label-$1 (deleted)" ]]
}

require_program() { # service
    [[ -x $bin/gold-label-$1 ]] || fail "$bin/gold-label-$1 is missing. Run: make build"
}

# A program without its servers would never be ready.
require_servers() { # service server…
    local service=$1 server
    shift
    ((start_timeout > 0)) || return 0
    for server; do
        running "$server" || fail "$service needs $server, which is not running. Start it with: $stack start $server"
    done
}

# Where the program is alive and not ready, /readyz says why.
await_ready() { # service url
    local deadline=$((SECONDS + start_timeout)) answer
    ((start_timeout > 0)) || return 0
    await "$1" port_is_open "${2##*:}"
    until curl -fsS -o /dev/null --max-time 2 "$2/readyz" 2>/dev/null; do
        alive "$(pid_of "$1")" || give_up "$1" "$1 ended while it was starting."
        if ((SECONDS >= deadline)); then
            answer=$(curl -sS --max-time 2 "$2/readyz" 2>&1 || true)
            give_up "$1" "$1 is not ready after $start_timeout s; /readyz says: ${answer:-nothing}."
        fi
        sleep 0.1
    done
}
