# shellcheck shell=bash
# PostgreSQL: a private cluster, on loopback TCP only.

pg_bin=/usr/lib/postgresql/15/bin
pg_link=$state/postgres # the cluster's folder, or a link to where it had to go

postgres_mark() {
    echo "$(realpath -m "$pg_link")/data"
}

postgres_address() {
    echo "127.0.0.1:$POSTGRES_PORT"
}

# A fast shutdown: clients are disconnected, everything is written.
postgres_stop_signal() {
    echo INT
}

# PostgreSQL refuses to run as root; then its own user runs it.
pg_user() {
    if ((EUID == 0)); then
        id -un postgres 2>/dev/null || echo nobody
    else
        id -un
    fi
}

as_pg_user=(env) # runs a command as that user
((EUID != 0)) || as_pg_user=(setpriv --reuid="$(pg_user)" --regid="$(id -g "$(pg_user)")" --clear-groups env)

# PostgreSQL's user must be able to walk to its data; it cannot below /root, for example.
pg_make_folder() {
    local elsewhere
    [[ ! -d $pg_link ]] || return 0
    rm -f "$pg_link"
    if [[ ${GOLD_LABEL_PGDATA:-} ]]; then
        ln -s "$(realpath "$GOLD_LABEL_PGDATA")" "$pg_link"
    elif "${as_pg_user[@]}" test -x "$state"; then
        mkdir "$pg_link"
    else
        elsewhere=/var/tmp/gold-label-$(sha256sum <<<"$state" | cut -c 1-16)
        rm -rf "$elsewhere"
        mkdir -m 700 "$elsewhere"
        ln -s "$elsewhere" "$pg_link"
        say "postgres  user $(pg_user) cannot enter $state; the data is in $elsewhere"
    fi
    chown "$(pg_user)" "$pg_link/"
}

pg_initdb() {
    local dir=$1
    [[ ! -e $dir/data/PG_VERSION ]] || return 0
    rm -rf "$dir/data" "$dir/data.new"
    "${as_pg_user[@]}" tee "$dir/password" >/dev/null <<<"$PG_SUPERUSER_PASSWORD"
    "${as_pg_user[@]}" -C "$dir" "$pg_bin/initdb" -D "$dir/data.new" -U postgres --pwfile="$dir/password" \
        --auth=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8 --no-instructions >>"$state/postgres.log" 2>&1 ||
        give_up postgres "PostgreSQL's cluster could not be made."
    rm "$dir/password"
    mv "$dir/data.new" "$dir/data"
}

# Server processes of the cluster, found by their working folder.
pg_processes() {
    local process data
    data=$(postgres_mark)
    for process in /proc/[0-9]*; do
        [[ ! $process/cwd -ef $data ]] || echo "${process#/proc/}"
    done
}

# After a SIGKILL the children go by themselves, but a new server does not start before they are gone, nor while the old
# one's pid exists, as a zombie or as another program.
pg_clear_remains() {
    local left
    mapfile -t left < <(pg_processes)
    await_end 10 "${left[@]}" ||
        fail "Processes of an earlier PostgreSQL are still there (${left[*]}). End them with: $stack kill postgres"
    rm -f "$1/postmaster.pid"
}

postgres_launch() {
    local dir
    [[ -x $pg_bin/postgres ]] || fail "PostgreSQL 15 is not installed. Install postgresql-15, or run: make build"
    require_free_port postgres "$POSTGRES_PORT"
    pg_make_folder
    dir=$(realpath "$pg_link")
    pg_initdb "$dir"
    pg_clear_remains "$dir/data"
    (cat "$etc/postgresql.conf" && echo "port = $POSTGRES_PORT") >"$dir/data/postgresql.conf"
    launch postgres "${as_pg_user[@]}" -C "$dir" "$pg_bin/postgres" -D "$dir/data"
}

postgres_answers() {
    "$pg_bin/pg_isready" -q -h 127.0.0.1 -p "$POSTGRES_PORT"
}

postgres_await() {
    await postgres postgres_answers
    pg_prepare
}

# ---- what is in it ----

pg_url() { # user password database
    echo "postgresql://$1:$2@127.0.0.1:$POSTGRES_PORT/$3"
}

owner_url() {
    pg_url gold_label_owner "$PG_OWNER_PASSWORD" gold_label
}

worker_conninfo() {
    echo "host=127.0.0.1 port=$POSTGRES_PORT dbname=gold_label user=gold_label_worker password=$PG_WORKER_PASSWORD"
}

reader_conninfo() {
    echo "host=127.0.0.1 port=$POSTGRES_PORT dbname=gold_label user=gold_label_reader password=$PG_READER_PASSWORD"
}

run_psql() { # url arguments…
    PGOPTIONS='-c client_min_messages=warning' "$pg_bin/psql" -X -q -A -t -v ON_ERROR_STOP=1 "$@" </dev/null
}

# Roles and database, every schema file that is not recorded yet, grants, the demo run: each may be there already.
pg_prepare() {
    run_psql "$(pg_url postgres "$PG_SUPERUSER_PASSWORD" postgres)" -v owner_password="$PG_OWNER_PASSWORD" \
        -v worker_password="$PG_WORKER_PASSWORD" -v reader_password="$PG_READER_PASSWORD" -f "$etc/roles.sql" || fail "PostgreSQL's roles could not be made."
    pg_apply_schema
    run_psql "$(owner_url)" -f "$etc/grants.sql" || fail "The grants of worker and ingress could not be made."
    run_psql "$(owner_url)" -v run="$RUN_ID" -v account="$ACCOUNT_ID" -f "$etc/demo.sql" ||
        fail "The demo run could not be made."
}

pg_apply_schema() {
    local file version applied
    applied=$(run_psql "$(owner_url)" -c "select to_regclass('schema_version')")
    [[ ! $applied ]] || applied=$(run_psql "$(owner_url)" -c 'select version from schema_version')
    for file in "$root"/schemas/sql/[0-9]*.sql; do
        version=${file##*/}
        version=$((10#${version%%_*}))
        ! grep -qx "$version" <<<"$applied" || continue
        run_psql "$(owner_url)" --single-transaction -f "$file" || fail "${file#"$root/"} could not be applied."
    done
}
