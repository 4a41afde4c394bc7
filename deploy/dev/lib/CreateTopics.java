import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.TopicDescription;

/** Makes the topics that are missing, waiting for the broker if need be: CreateTopics BROKERS TOPIC:PARTITIONS[:SETTING=VALUE]… */
public class CreateTopics {
    public static void main(String[] args) throws Exception {
        Properties settings = new Properties();
        settings.put("bootstrap.servers", args[0]);
        settings.put("reconnect.backoff.ms", "50");
        settings.put("reconnect.backoff.max.ms", "200");
        settings.put("retry.backoff.ms", "50");
        settings.put("retry.backoff.max.ms", "200");

        try (Admin admin = Admin.create(settings)) {
            Set<String> present = admin.listTopics().names().get();
            List<NewTopic> missing = new ArrayList<>();
            for (String spec : List.of(args).subList(1, args.length)) {
                NewTopic topic = parse(spec);
                if (present.contains(topic.name()))
                    widen(admin, topic);
                else
                    missing.add(topic);
            }
            admin.createTopics(missing).all().get();
        } catch (ExecutionException e) {
            System.err.println("The topics could not be made: " + e.getCause().getMessage());
            System.exit(1);
        }
    }

    static NewTopic parse(String spec) {
        String[] parts = spec.split(":");
        Map<String, String> config = new HashMap<>();
        for (int i = 2; i < parts.length; i++) {
            String[] setting = parts[i].split("=", 2);
            config.put(setting[0], setting[1]);
        }
        return new NewTopic(parts[0], Optional.of(Integer.parseInt(parts[1])), Optional.empty()).configs(config);
    }

    /** Partitions can be added but never taken away. */
    static void widen(Admin admin, NewTopic topic) throws Exception {
        TopicDescription now = admin.describeTopics(List.of(topic.name())).allTopicNames().get().get(topic.name());
        if (now.partitions().size() < topic.numPartitions())
            admin.createPartitions(Map.of(topic.name(), NewPartitions.increaseTo(topic.numPartitions()))).all().get();
    }
}
