import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.File;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.Future;
import org.apache.avro.Schema;
import org.apache.avro.SchemaNormalization;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.generic.GenericRecordBuilder;
import org.apache.avro.message.BinaryMessageDecoder;
import org.apache.avro.message.BinaryMessageEncoder;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * Gold labels over Kafka from Java, with kafka-clients and Apache Avro. Java 17 runs it from its source. In this folder:
 *
 * <pre>
 *   mvn -q dependency:copy-dependencies -DoutputDirectory=jars
 *   java -cp 'jars/*' Client.java [N]      sends N commands (default 3), prints a line for each result and a summary
 *   java -cp 'jars/*' Client.java encode   reads commands as JSON lines, prints fingerprint and message of each in hex
 * </pre>
 *
 * Environment: KAFKA_BROKERS, RUN_ID, WORKER_TOKEN; SCHEMAS (default ../../avro).
 */
public final class Client {
    static final String COMMANDS = "gold-label.commands";
    static final String RESULTS = "gold-label.results";
    static final Duration WAIT = Duration.ofSeconds(60);

    static Schema schema(String name) throws Exception {
        String folder = System.getenv().getOrDefault("SCHEMAS", "../../avro");
        return new Schema.Parser().parse(new File(folder, name));
    }

    /** Positioned before anything is sent, so that no result is missed. No group. */
    static KafkaConsumer<String, byte[]> resultsFromNowOn(String brokers) {
        KafkaConsumer<String, byte[]> consumer = new KafkaConsumer<>(
                Map.of("bootstrap.servers", brokers, "enable.auto.commit", "false", "isolation.level", "read_committed"),
                new StringDeserializer(), new ByteArrayDeserializer());
        List<TopicPartition> partitions = consumer.partitionsFor(RESULTS).stream()
                .map(info -> new TopicPartition(RESULTS, info.partition())).toList();
        consumer.assign(partitions);
        consumer.seekToEnd(partitions);
        partitions.forEach(consumer::position); // it seeks only when it is asked where it is
        return consumer;
    }

    static Set<String> send(String brokers, int count) throws Exception {
        String run = System.getenv("RUN_ID");
        byte[] authorization = ("Bearer " + System.getenv("WORKER_TOKEN")).getBytes(StandardCharsets.UTF_8);
        Schema schema = schema("create-gold-label.avsc");
        BinaryMessageEncoder<GenericRecord> avro = new BinaryMessageEncoder<>(GenericData.get(), schema);
        Set<String> waiting = new HashSet<>();
        List<Future<?>> taken = new ArrayList<>();

        try (var producer = new KafkaProducer<>(Map.of("bootstrap.servers", brokers, "acks", "all"),
                new StringSerializer(), new ByteArraySerializer())) {
            for (int n = 0; n < count; n++) {
                String id = UUID.randomUUID().toString();
                GenericRecord label = new GenericRecordBuilder(schema).set("command_id", id).set("run_id", run)
                        .set("output_resource_name", "summary").set("text_value", "label " + n + " from Java").build();
                var record = new ProducerRecord<>(COMMANDS, run, bytes(avro.encode(label)));
                record.headers().add("authorization", authorization)
                        .add("correlation-id", id.getBytes(StandardCharsets.UTF_8));
                waiting.add(id);
                taken.add(producer.send(record));
            }
            for (Future<?> one : taken) {
                one.get();
            }
        }
        return waiting;
    }

    static int converse(int count) throws Exception {
        String brokers = System.getenv("KAFKA_BROKERS");
        var avro = new BinaryMessageDecoder<GenericRecord>(GenericData.get(), schema("gold-label-result.avsc"));
        Map<String, Integer> outcomes = new TreeMap<>(Map.of("CREATED", 0, "REJECTED", 0));

        try (var consumer = resultsFromNowOn(brokers)) {
            Set<String> waiting = send(brokers, count);
            long deadline = System.nanoTime() + WAIT.toNanos();
            while (!waiting.isEmpty() && System.nanoTime() < deadline) {
                for (ConsumerRecord<String, byte[]> record : consumer.poll(Duration.ofMillis(500))) {
                    Header header = record.headers().lastHeader("correlation-id");
                    String id = header == null ? "" : new String(header.value(), StandardCharsets.UTF_8);
                    if (!waiting.remove(id)) {
                        continue; // somebody else's, or one that came twice
                    }
                    System.out.println(id + " " + outcome(avro.decode(record.value()), outcomes));
                }
            }
            System.out.printf("sent %d, created %d, rejected %d, unanswered %d%n", count, outcomes.get("CREATED"),
                    outcomes.get("REJECTED"), waiting.size());
            return waiting.isEmpty() ? 0 : 1;
        }
    }

    static String outcome(GenericRecord result, Map<String, Integer> outcomes) {
        String outcome = result.get("outcome").toString();
        outcomes.merge(outcome, 1, Integer::sum);
        Object code = result.get("code");
        return outcome + " " + (code != null ? code : ((GenericRecord) result.get("label")).get("created_at"));
    }

    static void encode() throws Exception {
        Schema schema = schema("create-gold-label.avsc");
        long fingerprint = SchemaNormalization.parsingFingerprint64(schema);
        BinaryMessageEncoder<GenericRecord> avro = new BinaryMessageEncoder<>(GenericData.get(), schema);
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        ObjectMapper json = new ObjectMapper();

        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            GenericRecordBuilder label = new GenericRecordBuilder(schema);
            json.readTree(line).fields().forEachRemaining(member -> label.set(member.getKey(), value(member.getValue())));
            byte[] message = bytes(avro.encode(label.build()));
            System.out.printf("%016x %s%n", fingerprint, HexFormat.of().formatHex(message));
        }
    }

    static Object value(JsonNode node) {
        return node.isNull() ? null : node.isBoolean() ? (Object) node.booleanValue() : node.textValue();
    }

    static byte[] bytes(ByteBuffer buffer) {
        byte[] bytes = new byte[buffer.remaining()];
        buffer.get(bytes);
        return bytes;
    }

    public static void main(String[] arguments) throws Exception {
        if (arguments.length > 0 && arguments[0].equals("encode")) {
            encode();
        } else {
            System.exit(converse(arguments.length > 0 ? Integer.parseInt(arguments[0]) : 3));
        }
    }
}
