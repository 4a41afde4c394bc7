# shellcheck shell=bash
# Apache Kafka: KRaft, on loopback. One node, or (GOLD_LABEL_BROKERS) a cluster of services kafka, kafka2, kafka3 …

kafka_jars=$root/build/kafka
partitions=${GOLD_LABEL_PARTITIONS:-8}
brokers=${GOLD_LABEL_BROKERS:-1}

# The nodes as services. Each is a broker and a controller; the n-th node has the id n.
kafka_nodes=(kafka)
for ((node = 2; node <= brokers; node++)); do
    kafka_nodes+=("kafka$node")
    port_names+=("KAFKA${node}_PORT" "KAFKA${node}_CONTROLLER_PORT")
    for step in launch await mark address stop_signal; do
        eval "kafka${node}_$step() { kafka_node_$step kafka$node; }"
    done
done
services=("${kafka_nodes[@]}" "${services[@]:1}")

# A command is at most a value of 512 KiB, a name, a token of 8 KiB and a few headers: 1 MiB leaves a margin. A result and a
# dead letter are bigger than what they answer.
kafka_topics=(
    "gold-label.commands:$partitions:message.timestamp.type=LogAppendTime:max.message.bytes=1048576:compression.type=uncompressed"
    "gold-label.results:$partitions:max.message.bytes=4194304"
    "gold-label.commands.dlq:$partitions:max.message.bytes=4194304"
)

kafka_launch() { kafka_node_launch kafka; }
kafka_await() { kafka_node_await kafka; }
kafka_mark() { kafka_node_mark kafka; }
kafka_stop_signal() { kafka_node_stop_signal kafka; }

# Of the whole cluster: what clients are given to begin with.
kafka_address() {
    local node list=()
    for node in "${kafka_nodes[@]}"; do
        list+=("$(kafka_node_address "$node")")
    done
    (IFS=, && echo "${list[*]}")
}

kafka_node_mark() { # node
    echo "$state/$1/server.properties"
}

kafka_node_address() { # node
    local port=${1^^}_PORT
    echo "127.0.0.1:${!port}"
}

kafka_node_stop_signal() { # node
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

kafka_voters() {
    local node port id=0 list=()
    for node in "${kafka_nodes[@]}"; do
        port=${node^^}_CONTROLLER_PORT
        list+=("$((++id))@127.0.0.1:${!port}")
    done
    (IFS=, && echo "${list[*]}")
}

# What a cluster has other than one node: a record is on every node, and on two of three before it is acknowledged.
kafka_replication() {
    local part
    ((brokers > 1)) || return 0
    echo "default.replication.factor=$brokers"
    echo "min.insync.replicas=$((brokers / 2 + 1))"
    echo "offsets.topic.replication.factor=$brokers"
    for part in transaction.state.log share.coordinator.state.topic; do
        echo "$part.replication.factor=$brokers"
        echo "$part.min.isr=$((brokers / 2 + 1))"
    done
    # Elections within seconds, as the single node's restart.
    echo "controller.quorum.election.timeout.ms=500"
    echo "controller.quorum.fetch.timeout.ms=1000"
    echo "replica.lag.time.max.ms=3000"
}

kafka_configure() { # node
    local port=${1^^}_PORT controller_port=${1^^}_CONTROLLER_PORT id=${1#kafka}
    {
        cat "$etc/kafka.properties"
        cat <<END

node.id=${id:-1}
listeners=PLAINTEXT://127.0.0.1:${!port},CONTROLLER://127.0.0.1:${!controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:${!port}
controller.quorum.voters=$(kafka_voters)
log.dirs=$state/$1/data
END
        kafka_replication
    } >"$state/$1/server.properties"
}

kafka_format() { # node
    [[ ! -e $state/$1/data/meta.properties ]] || return 0
    rm -rf "$state/$1/data" "$state/kafka/topics"
    [[ -e $state/cluster-id ]] || echo "g$(random_hex 16 | cut -c 1-21)" >"$state/cluster-id"
    (
        kafka_exec -Dlog4j.configurationFile="$etc/log4j2.properties" kafka.tools.StorageTool format \
            -t "$(<"$state/cluster-id")" -c "$state/$1/server.properties"
    ) >>"$state/$1.log" 2>&1 ||
        give_up "$1" "Kafka's storage could not be formatted."
}

kafka_node_launch() { # node
    local java port=${1^^}_PORT controller_port=${1^^}_CONTROLLER_PORT
    java=$(find_java)
    [[ ${!port:-} ]] || fail "$state was made for fewer brokers. Choose another GOLD_LABEL_STATE."
    require_free_port "$1" "${!port}"
    require_free_port "$1" "${!controller_port}"
    kafka_fetch
    mkdir -p "$state/$1"
    kafka_configure "$1"
    kafka_format "$1"
    # Room for young objects: with less the broker stands still for 20 ms every second or two of a load, and all latencies with it.
    launch "$1" "$java" -cp "$kafka_jars/*" -Xms768m -Xmx768m -Xmn512m -XX:MaxTenuringThreshold=1 -XX:MetaspaceSize=128m \
        -XX:+UseSerialGC -XX:-UsePerfData \
        -Dlog4j.configurationFile="$etc/log4j2.properties" -Dlog4j.shutdownHookEnabled=false kafka.Kafka "$state/$1/server.properties"
}

kafka_answers() { # node
    local port=${1^^}_PORT
    # Not grep -q: it would leave the pipe before a long log is read.
    log_since_launch "$1" | grep 'Kafka Server started' >/dev/null && port_is_open "${!port}"
}

# The topics are made with the last node: they need all of them. Making them waits for the broker by itself, so both JVMs start
# at the same time.
kafka_node_await() { # node
    local making=
    if [[ $1 == "${kafka_nodes[-1]}" && "$(cat "$state/kafka/topics" 2>/dev/null)" != "${kafka_topics[*]}" ]]; then
        kafka_exec "$root/deploy/dev/lib/CreateTopics.java" "$(kafka_address)" "${kafka_topics[@]}" \
            </dev/null >>"$state/$1.log" 2>&1 9>&- &
        making=$!
        # shellcheck disable=SC2064
        trap "kill $making 2>/dev/null" EXIT
    fi
    await "$1" kafka_answers "$1"
    [[ $making ]] || return 0
    wait "$making" || give_up "$1" "Kafka's topics could not be made."
    trap - EXIT
    echo "${kafka_topics[*]}" >"$state/kafka/topics"
}
