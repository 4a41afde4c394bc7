import java.io.File;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.ExecutionException;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.generic.GenericRecordBuilder;
import org.apache.avro.message.BinaryMessageDecoder;
import org.apache.avro.message.BinaryMessageEncoder;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.springframework.kafka.core.DefaultKafkaConsumerFactory;
import org.springframework.kafka.core.DefaultKafkaProducerFactory;
import org.springframework.kafka.listener.ContainerProperties;
import org.springframework.kafka.listener.KafkaMessageListenerContainer;
import org.springframework.kafka.requestreply.ReplyingKafkaTemplate;
import org.springframework.kafka.requestreply.RequestReplyFuture;
import org.springframework.kafka.support.TopicPartitionOffset;
import org.springframework.kafka.support.TopicPartitionOffset.SeekPosition;

/**
 * Gold labels as requests and replies, with Spring's ReplyingKafkaTemplate. Java 17 runs it from its source. In this folder:
 *
 * <pre>
 *   mvn -q dependency:copy-dependencies -DoutputDirectory=jars
 *   java -cp 'jars/*' SpringClient.java [N]     sends N commands (default 3), prints a line for each reply and a summary
 * </pre>
 *
 * The worker knows Spring's own headers, so the template is used as it is. Without REPLY_TOPIC replies come to one partition of
 * the results topic; another topic must be one of the worker's setting [worker] reply_topics.
 *
 * Environment: KAFKA_BROKERS, RUN_ID, WORKER_TOKEN; REPLY_TOPIC, REPLY_PARTITION (default 0), COMMANDS_TOPIC, SCHEMAS (default ../../avro);
 * CORRELATION_HEADER=correlation-id to use the worker's name for it instead of Spring's.
 */
public final class SpringClient {
    static final Map<String, String> ENV = System.getenv();
    static final String COMMANDS = ENV.getOrDefault("COMMANDS_TOPIC", "gold-label.commands");
    static final Duration WAIT = Duration.ofSeconds(60);

    static Schema schema(String name) throws Exception {
        return new Schema.Parser().parse(new File(ENV.getOrDefault("SCHEMAS", "../../avro"), name));
    }

    static ReplyingKafkaTemplate<String, byte[], byte[]> template() {
        Map<String, Object> brokers = Map.of("bootstrap.servers", ENV.get("KAFKA_BROKERS"));
        var producers = new DefaultKafkaProducerFactory<>(brokers, new StringSerializer(), new ByteArraySerializer());
        var consumers = new DefaultKafkaConsumerFactory<>(brokers, new StringDeserializer(), new ByteArrayDeserializer());

        // One partition of this instance's own, read from its end on without a group: nothing is rebalanced.
        ContainerProperties replies = new ContainerProperties(new TopicPartitionOffset(
                ENV.getOrDefault("REPLY_TOPIC", "gold-label.results"),
                Integer.parseInt(ENV.getOrDefault("REPLY_PARTITION", "0")), SeekPosition.END));
        replies.setPollTimeout(500); // ms; it stops between two polls
        var template = new ReplyingKafkaTemplate<>(producers, new KafkaMessageListenerContainer<>(consumers, replies));
        template.setSharedReplyTopic(true); // replies to others are no errors
        template.setDefaultReplyTimeout(WAIT);
        if (ENV.containsKey("CORRELATION_HEADER")) {
            template.setCorrelationHeaderName(ENV.get("CORRELATION_HEADER"));
        }
        return template;
    }

    static ProducerRecord<String, byte[]> command(BinaryMessageEncoder<GenericRecord> avro, Schema schema, int n)
            throws Exception {
        GenericRecord label = new GenericRecordBuilder(schema).set("command_id", UUID.randomUUID().toString())
                .set("run_id", ENV.get("RUN_ID")).set("output_resource_name", "summary")
                .set("text_value", "label " + n + " from Spring").build();
        ByteBuffer message = avro.encode(label);
        byte[] bytes = new byte[message.remaining()];
        message.get(bytes);
        var record = new ProducerRecord<>(COMMANDS, ENV.get("RUN_ID"), bytes);
        record.headers().add("authorization", ("Bearer " + ENV.get("WORKER_TOKEN")).getBytes(StandardCharsets.UTF_8));
        return record;
    }

    static int converse(int count) throws Exception {
        Schema schema = schema("create-gold-label.avsc");
        var encoder = new BinaryMessageEncoder<GenericRecord>(GenericData.get(), schema);
        var decoder = new BinaryMessageDecoder<GenericRecord>(GenericData.get(), schema("gold-label-result.avsc"));
        Map<String, Integer> outcomes = new TreeMap<>(Map.of("CREATED", 0, "REJECTED", 0));
        List<RequestReplyFuture<String, byte[], byte[]>> replies = new ArrayList<>();
        int unanswered = 0;

        var template = template();
        template.afterPropertiesSet();
        template.start();
        if (!template.waitForAssignment(WAIT)) {
            throw new IllegalStateException("the reply topic cannot be read");
        }
        for (int n = 0; n < count; n++) {
            replies.add(template.sendAndReceive(command(encoder, schema, n)));
        }
        for (var reply : replies) {
            try {
                System.out.println(line(reply.get(), decoder, outcomes));
            } catch (ExecutionException late) {
                unanswered++;
            }
        }
        template.stop();
        template.destroy();
        System.out.printf("sent %d, created %d, rejected %d, unanswered %d%n", count, outcomes.get("CREATED"),
                outcomes.get("REJECTED"), unanswered);
        return unanswered == 0 ? 0 : 1;
    }

    static String line(ConsumerRecord<String, byte[]> record, BinaryMessageDecoder<GenericRecord> avro,
            Map<String, Integer> outcomes) throws Exception {
        GenericRecord result = avro.decode(record.value());
        String outcome = result.get("outcome").toString();
        Object code = result.get("code");
        outcomes.merge(outcome, 1, Integer::sum);
        return result.get("command_id") + " " + outcome + " "
                + (code != null ? code : ((GenericRecord) result.get("label")).get("created_at"));
    }

    public static void main(String[] arguments) throws Exception {
        System.exit(converse(arguments.length > 0 ? Integer.parseInt(arguments[0]) : 3));
    }
}
