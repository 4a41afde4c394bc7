# shellcheck shell=bash
# gold-label-worker

worker_mark() {
    echo "$state/worker.ini"
}

worker_address() {
    echo "http://127.0.0.1:$WORKER_ADMIN_PORT (admin)"
}

worker_stop_signal() {
    echo TERM
}

worker_configure() {
    write_private "$state/worker.ini" <<END
[kafka]
brokers = $(kafka_address)
session.timeout.ms = 6000

[postgres]
conninfo = $(worker_conninfo)

[admin]
port = $WORKER_ADMIN_PORT

[token]
keys = $JWT_KEY_ID=HS256:$JWT_KEY_FILE,ingress=HS256:$ingress_key_file
issuer = $JWT_ISSUER
audience = $WORKER_AUDIENCE
END
}

worker_launch() {
    require_program worker
    require_servers worker kafka postgres
    require_free_port worker "$WORKER_ADMIN_PORT"
    launch worker "$bin/gold-label-worker" --config "$state/worker.ini"
}

worker_await() {
    await_ready worker "http://127.0.0.1:$WORKER_ADMIN_PORT"
}
