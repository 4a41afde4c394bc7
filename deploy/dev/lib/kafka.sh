# shellcheck shell=bash
# Apache Kafka: one node, KRaft, on loopback.

kafka_dir=$state/kafka
kafka_jars=$root/build/kafka
partitions=${GOLD_LABEL_PARTITIONS:-8}

# A command is at most a value of 512 KiB, a name, a token of 8 KiB and a few headers: 1 MiB leaves a margin. A result and a
# dead letter are bigger than what they answer.
kafka_topics=(
    "gold-label.commands:$partitions:message.timestamp.type=LogAppendTime:max.message.bytes=1048576"
    "gold-label.results:$partitions:max.message.bytes=4194304"
    "gold-label.commands.dlq:$partitions:max.message.bytes=4194304"
)

kafka_mark() {
    echo "$kafka_dir/server.properties"
}

kafka_address() {
    echo "127.0.0.1:$KAFKA_PORT"
}

kafka_stop_signal() {
    echo TERM
}

# Debian's Java 17 where it is installed, whatever the default is.
find_java() {
    local java
    for java in /usr/lib/jvm/java-17-openjdk-*/bin/java "$(command -v java)"; do
        [[ -x $java ]] && echo "$java" && return
    done
    fail "Kafka needs Java 17, and there is no java on this machine. Install openjdk-17-jre-headless, or run: make build"
}

kafka_is_fetched() {
    cmp -s "$root/deploy/dev/pom.xml" "$kafka_jars/pom.xml"
}

# Copies the jars once; afterwards nothing is downloaded any more. Systems of other state folders may be at it, too.
kafka_fetch() {
    local new=$kafka_jars.new
    ! kafka_is_fetched || return 0
    command -v mvn >/dev/null || fail "Kafka is fetched with Maven, and there is no mvn on this machine. Run: make build"
    mkdir -p "$root/build"
    exec 8>"$kafka_jars.lock"
    flock 8
    if ! kafka_is_fetched; then
        say "kafka     fetching its jars into build/kafka/ (once)"
        rm -rf "$new"
        mkdir "$new"
        mvn -q -B -Dstyle.color=never -f "$root/deploy/dev/pom.xml" -DoutputDirectory="$new" \
            org.apache.maven.plugins:maven-dependency-plugin:copy-dependencies </dev/null >"$state/kafka-fetch.log" 2>&1 ||
            kafka_fetch_failed
        cp "$root/deploy/dev/pom.xml" "$new/"
        rm -rf "$kafka_jars"
        mv "$new" "$kafka_jars"
    fi
    exec 8>&-
}

kafka_fetch_failed() {
    grep -m 3 ERROR "$state/kafka-fetch.log" | sed 's/^/  | /' >&2
    fail "Kafka's jars could not be fetched with Maven. Is the network up? All that it said: $state/kafka-fetch.log"
}

# Becomes one of Kafka's tools: in the background, $! is the tool itself and not a shell that waits for it.
kafka_exec() { # options, class, arguments…
    local java
    java=$(find_java)
    exec "$java" -cp "$kafka_jars/*" -XX:+UseSerialGC -XX:-UsePerfData -XX:TieredStopAtLevel=1 "$@"
}

kafka_configure() {
    {
        cat "$etc/kafka.properties"
        cat <<END

listeners=PLAINTEXT://127.0.0.1:$KAFKA_PORT,CONTROLLER://127.0.0.1:$KAFKA_CONTROLLER_PORT
advertised.listeners=PLAINTEXT://127.0.0.1:$KAFKA_PORT
controller.quorum.voters=1@127.0.0.1:$KAFKA_CONTROLLER_PORT
log.dirs=$kafka_dir/data
END
    } >"$kafka_dir/server.properties"
}

kafka_format() {
    [[ ! -e $kafka_dir/data/meta.properties ]] || return 0
    rm -rf "$kafka_dir/data" "$kafka_dir/topics"
    (
        kafka_exec -Dlog4j.configurationFile="$etc/log4j2.properties" kafka.tools.StorageTool format \
            -t "g$(random_hex 16 | cut -c 1-21)" -c "$kafka_dir/server.properties"
    ) >>"$state/kafka.log" 2>&1 ||
        give_up kafka "Kafka's storage could not be formatted."
}

kafka_launch() {
    local java
    java=$(find_java)
    require_free_port kafka "$KAFKA_PORT"
    require_free_port kafka "$KAFKA_CONTROLLER_PORT"
    kafka_fetch
    mkdir -p "$kafka_dir"
    kafka_configure
    kafka_format
    launch kafka "$java" -cp "$kafka_jars/*" -Xms256m -Xmx768m -XX:+UseSerialGC -XX:-UsePerfData \
        -Dlog4j.configurationFile="$etc/log4j2.properties" -Dlog4j.shutdownHookEnabled=false kafka.Kafka "$kafka_dir/server.properties"
}

kafka_answers() {
    log_since_launch kafka | grep -q 'Kafka Server started' && port_is_open "$KAFKA_PORT"
}

# Making the topics waits for the broker by itself, so both JVMs start at the same time.
kafka_await() {
    local making=
    if [[ "$(cat "$kafka_dir/topics" 2>/dev/null)" != "${kafka_topics[*]}" ]]; then
        kafka_exec "$root/deploy/dev/lib/CreateTopics.java" "$(kafka_address)" "${kafka_topics[@]}" \
            </dev/null >>"$state/kafka.log" 2>&1 9>&- &
        making=$!
        # shellcheck disable=SC2064
        trap "kill $making 2>/dev/null" EXIT
    fi
    await kafka kafka_answers
    [[ $making ]] || return 0
    wait "$making" || give_up kafka "Kafka's topics could not be made."
    trap - EXIT
    echo "${kafka_topics[*]}" >"$kafka_dir/topics"
}
