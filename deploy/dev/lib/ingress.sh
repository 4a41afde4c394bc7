# shellcheck shell=bash
# gold-label-ingress

ingress_mark() {
    echo "$state/ingress.ini"
}

ingress_address() {
    echo "http://127.0.0.1:$INGRESS_PORT"
}

ingress_stop_signal() {
    echo TERM
}

ingress_configure() {
    write_private "$state/ingress.ini" <<END
[kafka]
brokers = $(kafka_address)

[http]
port = $INGRESS_PORT

[admin]
port = $INGRESS_ADMIN_PORT

[ingress]
name = dev

[postgres]
conninfo = $(reader_conninfo)

[token]
keys = $JWT_KEY_ID=HS256:$JWT_KEY_FILE
issuer = $JWT_ISSUER
audience = $JWT_AUDIENCE

[signing]
keys = ingress=HS256:$ingress_key_file
issuer = $JWT_ISSUER
audience = $WORKER_AUDIENCE
END
}

ingress_launch() {
    require_program ingress
    require_servers ingress kafka
    require_free_port ingress "$INGRESS_PORT"
    require_free_port ingress "$INGRESS_ADMIN_PORT"
    launch ingress "$bin/gold-label-ingress" --config "$state/ingress.ini"
}

ingress_await() {
    await_ready ingress "http://127.0.0.1:$INGRESS_ADMIN_PORT"
}
