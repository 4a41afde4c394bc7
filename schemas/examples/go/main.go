// Gold labels over Kafka from Go, with franz-go and hamba/avro. In this folder:
//
//	go run . [N]      sends N commands (default 3), prints a line for each result and a summary
//	go run . encode   reads commands as JSON lines, prints fingerprint and message of each in hex
//
// Environment: KAFKA_BROKERS, RUN_ID, WORKER_TOKEN; SCHEMAS (default ../../avro).
package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/hamba/avro/v2"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	commands = "gold-label.commands"
	results  = "gold-label.results"
	wait     = 60 * time.Second
)

type createGoldLabel struct {
	CommandID            string  `avro:"command_id" json:"command_id"`
	RunID                string  `avro:"run_id" json:"run_id"`
	OutputResourceName   string  `avro:"output_resource_name" json:"output_resource_name"`
	TextValue            *string `avro:"text_value" json:"text_value"`
	ObjectValue          *string `avro:"object_value" json:"object_value"`
	ObjectValueIsPartial *bool   `avro:"object_value_is_partial" json:"object_value_is_partial"`
	AccountID            *string `avro:"account_id" json:"account_id"`
	CreatedBy            *string `avro:"created_by" json:"created_by"`
}

// What is wanted of a GoldLabelResult: the decoder leaves out the rest.
type goldLabelResult struct {
	Outcome string  `avro:"outcome"`
	Code    *string `avro:"code"`
	Label   *struct {
		CreatedAt time.Time `avro:"created_at"`
	} `avro:"label"`
}

// One schema; messages are in Avro's single-object encoding.
type codec struct {
	schema      avro.Schema
	fingerprint uint64
	head        []byte
}

func newCodec(name string) codec {
	folder := os.Getenv("SCHEMAS")
	if folder == "" {
		folder = "../../avro"
	}
	text := must(os.ReadFile(filepath.Join(folder, name)))
	schema := must(avro.ParseBytes(text))

	// hamba/avro leaves logical types in its canonical form, which has none: the fingerprint is that of a copy without them.
	plain := avro.MustParse(string(withoutLogicalTypes(text)))
	sum := must(plain.FingerprintUsing(avro.CRC64Avro))
	fingerprint := binary.BigEndian.Uint64(sum)
	return codec{schema, fingerprint, binary.LittleEndian.AppendUint64([]byte{0xc3, 0x01}, fingerprint)}
}

func withoutLogicalTypes(text []byte) []byte {
	var document any
	check(json.Unmarshal(text, &document))
	var strip func(any)
	strip = func(node any) {
		switch node := node.(type) {
		case map[string]any:
			delete(node, "logicalType")
			for _, member := range node {
				strip(member)
			}
		case []any:
			for _, member := range node {
				strip(member)
			}
		}
	}
	strip(document)
	return must(json.Marshal(document))
}

func (c codec) encode(record any) []byte {
	return append(append([]byte{}, c.head...), must(avro.Marshal(c.schema, record))...)
}

func (c codec) decode(message []byte, record any) error {
	if !bytes.HasPrefix(message, c.head) {
		return fmt.Errorf("another schema wrote this: look its fingerprint up")
	}
	return avro.Unmarshal(c.schema, message[len(c.head):], record)
}

func send(ctx context.Context, client *kgo.Client, command codec, count int) map[string]bool {
	run := os.Getenv("RUN_ID")
	token := "Bearer " + os.Getenv("WORKER_TOKEN")
	waiting := map[string]bool{}
	records := make([]*kgo.Record, count)

	for n := range records {
		text := fmt.Sprintf("label %d from Go", n)
		label := createGoldLabel{CommandID: newUUID(), RunID: run, OutputResourceName: "summary", TextValue: &text}
		waiting[label.CommandID] = true
		records[n] = &kgo.Record{
			Topic: commands,
			Key:   []byte(run),
			Value: command.encode(label),
			Headers: []kgo.RecordHeader{
				{Key: "authorization", Value: []byte(token)},
				{Key: "correlation-id", Value: []byte(label.CommandID)},
			},
		}
	}
	check(client.ProduceSync(ctx, records...).FirstErr())
	return waiting
}

func converse(count int) int {
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	command, result := newCodec("create-gold-label.avsc"), newCodec("gold-label-result.avsc")
	client := must(kgo.NewClient(kgo.SeedBrokers(strings.Split(os.Getenv("KAFKA_BROKERS"), ",")...)))
	defer client.Close()

	// Positioned before anything is sent, so that no result is missed. No group.
	ends := must(kadm.NewClient(client).ListEndOffsets(ctx, results))
	check(ends.Error())
	client.AddConsumePartitions(ends.KOffsets())

	waiting := send(ctx, client, command, count)
	outcomes := map[string]int{}
	for len(waiting) > 0 && ctx.Err() == nil {
		client.PollFetches(ctx).EachRecord(func(record *kgo.Record) {
			id := header(record, "correlation-id")
			if !waiting[id] {
				return // somebody else's, or one that came twice
			}
			delete(waiting, id)
			var said goldLabelResult
			check(result.decode(record.Value, &said))
			outcomes[said.Outcome]++
			if said.Code != nil {
				fmt.Println(id, said.Outcome, *said.Code)
			} else {
				fmt.Println(id, said.Outcome, said.Label.CreatedAt.Format(time.RFC3339Nano))
			}
		})
	}
	fmt.Printf("sent %d, created %d, rejected %d, unanswered %d\n",
		count, outcomes["CREATED"], outcomes["REJECTED"], len(waiting))
	if len(waiting) > 0 {
		return 1
	}
	return 0
}

func header(record *kgo.Record, name string) string {
	for _, header := range record.Headers {
		if header.Key == name {
			return string(header.Value)
		}
	}
	return ""
}

func newUUID() string {
	var b [16]byte
	must(rand.Read(b[:]))
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func encode() {
	command := newCodec("create-gold-label.avsc")
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var label createGoldLabel
		check(json.Unmarshal(lines.Bytes(), &label))
		fmt.Printf("%016x %x\n", command.fingerprint, command.encode(label))
	}
	check(lines.Err())
}

func must[T any](value T, err error) T {
	check(err)
	return value
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	count := 3
	if len(os.Args) > 1 {
		if os.Args[1] == "encode" {
			encode()
			return
		}
		count = must(strconv.Atoi(os.Args[1]))
	}
	os.Exit(converse(count))
}
